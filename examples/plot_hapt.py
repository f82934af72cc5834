"""
Real recordings: smartphone activities (HAPT)
=============================================

Thirty people wore a smartphone on the waist. This is not video: the two streams are the
gyroscope (in the place of the spatial stream) and the accelerometer (temporal, the main stream).
A bag is a 30 s piece of a recording, of which only the set of activities is known.

Needs the published archive "Smartphone-Based Recognition of Human Activities and Postural
Transitions" of the UCI repository: ``python examples/plot_hapt.py path/to/hapt.zip``.
"""

# %%

import shutil
import sys
import tempfile
from pathlib import Path

from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, ClipWise
from sklearn_asn.datasets import load_hapt
from sklearn_asn.metrics import localization_map, recognition_accuracy
from sklearn_asn.plotting import CASDisplay

beside = Path("../shared/data/hapt/hapt.zip")
path = Path(sys.argv[1]) if len(sys.argv) > 1 else beside
if not path.exists():
    sys.exit(f"{path} is not there. Give the path of the HAPT archive or of its unpacked folder.")
train = load_hapt(path, subset="train")
test = load_hapt(path, subset="test")
print(train.X, train.y)

# %%
# The quantile is chosen by cross-validation over people. `score` is the mAP at tIoU 0.5, so the
# training people's segments serve to choose it; the network never sees them. The quantile does not
# enter training either: with `memory`, each fold is trained once for all quantiles.

cache = tempfile.mkdtemp()
model = Pipeline(
    [
        ("scale", ClipWise(StandardScaler())),
        (
            "asn",
            ASNLocalizer(
                "bottleneck",
                hidden_size=64,
                clips_per_video=5,
                max_epochs=160,
                batch_size=64,
                dropout=0.2,
                weight_decay=0.05,
                memory=cache,
                random_state=0,
            ),
        ),
    ]
)
search = GridSearchCV(model, {"asn__quantile": [0.1, 0.15, 0.2, 0.3, 0.5]}, cv=GroupKFold(3))
search.fit(train.X, train.y, groups=train.groups)
shutil.rmtree(cache)
for quantile, score in zip(
    search.cv_results_["param_asn__quantile"], search.cv_results_["mean_test_score"], strict=True
):
    print(f"quantile {quantile}: mAP at tIoU 0.5 {score:.3f} (training people)")

# %%
# Other people, never seen.

found = search.predict(test.X)
for tiou in (0.1, 0.3, 0.5, 0.7):
    print(f"mAP at tIoU {tiou}: {localization_map(test.y, found, tiou):.3f} (test people)")
accuracy = recognition_accuracy(test.y, search.predict_proba(test.X), classes=search.classes_)
print(f"recognition accuracy: {accuracy:.3f}")

# %%

display = CASDisplay.from_estimator(search.best_estimator_, test.X, test.y, video=7)
path = Path(globals().get("__file__", "plot_hapt.py")).with_name("hapt.png")
display.figure_.savefig(path, dpi=120)
print("saved", path)
