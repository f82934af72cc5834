"""
Grid search over quantile and hidden size
=========================================

`GridSearchCV` works as for every estimator. Two things are special here. The score needs *segments*
(labels cannot judge a quantile), though training still reads the labels only. And with ``memory=``
candidates that differ only in what does not enter training, the quantile for one, share a training.
"""

# %%

import shutil
import tempfile
import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, ClipWise
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.metrics import localization_scorer

X, y = make_untrimmed_videos(n_videos=120, random_state=0)
cache = tempfile.mkdtemp()
model = Pipeline(
    [
        ("scale", ClipWise(StandardScaler())),
        (
            "asn",
            ASNLocalizer(
                "bottleneck",
                batch_size=32,
                max_epochs=40,
                weight_decay=0.02,
                memory=cache,
                random_state=0,
            ),
        ),
    ]
)
quantiles, sizes = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7], [4, 16, 64]
search = GridSearchCV(
    model,
    {"asn__quantile": quantiles, "asn__hidden_size": sizes},
    scoring=localization_scorer((0.3, 0.5, 0.7)),
    cv=KFold(3),
)
start = time.perf_counter()
search.fit(X, y)
print(f"{len(quantiles) * len(sizes) * 3} fits and one more: {time.perf_counter() - start:.1f} s")
print("best:", search.best_params_, f"mAP {search.best_score_:.3f}")

# %%
# Of the fits, only one a fold and hidden size was a training (and one a fold for the temporal model
# whose heads they inherit). The same search again, now that all of them are kept:

start = time.perf_counter()
search.fit(X, y)
print(f"again: {time.perf_counter() - start:.1f} s")
shutil.rmtree(cache)

# %%
# The grid: the quantile matters far more than the hidden size.

order = np.lexsort(
    (search.cv_results_["param_asn__quantile"], search.cv_results_["param_asn__hidden_size"])
)
scores = search.cv_results_["mean_test_score"][order].reshape(len(sizes), len(quantiles))
figure, ax = plt.subplots(figsize=(7, 3), layout="constrained")
picture = ax.imshow(scores, cmap="viridis", aspect="auto")
for (row, column), value in np.ndenumerate(scores):
    colour = "white" if value < scores.min() + 0.6 * np.ptp(scores) else "black"
    ax.text(column, row, f"{value:.3f}", ha="center", va="center", color=colour)
ax.set_xticks(range(len(quantiles)), quantiles)
ax.set_yticks(range(len(sizes)), sizes)
ax.set(xlabel="quantile", ylabel="hidden size", title="mAP, mean of tIoU 0.3, 0.5 and 0.7")
figure.colorbar(picture)
plt.show()
