"""
Saving and loading
==================

A fitted model, alone or in a pipeline, is stored as every scikit-learn estimator is: with joblib
(or pickle), or with skops where the file comes from somewhere else. Weights are stored as plain
arrays, so that a model trained on a GPU opens on a machine without one. A third form, safetensors,
holds no code at all: :doc:`../saving` compares them.
"""

# %%

import tempfile
from pathlib import Path

import joblib
import matplotlib.pyplot as plt
import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, ClipWise
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.plotting import CASDisplay

X, y = make_untrimmed_videos(n_videos=160, random_state=0)
train, test = np.arange(120), np.arange(120, 160)
model = make_pipeline(
    ClipWise(StandardScaler()),
    ASNLocalizer(
        hidden_size=32,
        quantile=0.4,
        batch_size=32,
        max_epochs=50,
        weight_decay=0.02,
        random_state=0,
    ),
).fit(X[train], y[train])
found = model.predict(X[test])

# %%
# joblib. **Reading a pickle can run any code that its maker put in it**: open files of your own.

folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "model.joblib"
joblib.dump(model, path, compress=True)
print(f"{path.stat().st_size / 1000:.0f} kB")
loaded = joblib.load(path)
print("the same predictions:", loaded.predict(X[test]) == found)

# %%
# skops, where it is installed, builds nothing but the types that you trust. Look at the list
# before you pass it on.

try:
    import skops.io as sio
except ImportError:
    print("skops is not installed: pip install skops")
else:
    path = Path(folder.name) / "model.skops"
    sio.dump(model, path)
    types = sio.get_untrusted_types(file=path)
    print("types beyond scikit-learn's and NumPy's:", types)
    again = sio.load(path, trusted=types)
    print("the same predictions:", again.predict(X[test]) == found)
folder.cleanup()

# %%
# The recorded quantiles travel along, all of them. A loaded model can be cut at another quantile
# without its training data: left at 0.4 as it was saved, right at 0.7.

figure = plt.figure(figsize=(13, 5))
left, right = figure.subplots(1, 2)
for ax, quantile in ((left, 0.4), (right, 0.7)):
    loaded.set_params(asnlocalizer__quantile=quantile)
    display = CASDisplay.from_estimator(loaded, X[test], y[test], video=1, ax=ax)
    display.axes_[0].set_title(f"quantile {quantile}")
figure.tight_layout()
plt.show()
