"""
Each stream its own scaler and PCA
==================================

Features of two streams come from two networks, often in different units and of different widths.
`ClipWise` takes any scikit-learn transformer of tables, so a `ColumnTransformer` inside it treats
each stream apart.

The data here are spoilt on purpose: the spatial columns are in other units (50 times as large) and
four times as many, the added ones being noise.
"""

# %%

import matplotlib.pyplot as plt
import numpy as np
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, Clips, ClipWise
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.metrics import localization_map

made, y = make_untrimmed_videos(n_videos=200, random_state=0)
n_clips, half = made.values.shape[0], made.n_features // 2
noise = 0.5 * np.random.default_rng(0).standard_normal((n_clips, 3 * half)).astype("float32")
values = np.hstack([50 * made.values[:, :half], 50 * noise, made.values[:, half:]])
names = [f"spatial_{i:03d}" for i in range(4 * half)] + [f"temporal_{i:02d}" for i in range(half)]
X = Clips(values, made.offsets, clip_seconds=1.0, ids=made.ids, feature_names=names)
train, test = np.arange(120), np.arange(120, 200)

# %%
# The columns have names, so they can be chosen by name. What comes out of a transformer keeps its
# place: first what was spatial, then what was temporal. The streams are then no longer halves,
# and ``streams=`` says what they are.

spatial, temporal = (make_column_selector(f"^{s}") for s in ("spatial", "temporal"))
n_components = 8


def per_stream(for_spatial, for_temporal):
    """Treat the columns of each stream apart."""
    return ClipWise(ColumnTransformer([("s", for_spatial, spatial), ("t", for_temporal, temporal)]))


def asn(n_spatial):
    """Make a localizer that knows how many columns are spatial."""
    return ASNLocalizer(
        hidden_size=32,
        streams={"spatial": slice(0, n_spatial), "temporal": slice(n_spatial, None)},
        quantile=0.4,
        batch_size=32,
        weight_decay=0.02,
        random_state=0,
    )


reduced = PCA(n_components, whiten=True, random_state=0)
models = {
    "as they are": asn(4 * half),
    "one scaler": make_pipeline(ClipWise(StandardScaler()), asn(4 * half)),
    "PCA on all columns": make_pipeline(
        ClipWise(PCA(2 * n_components, whiten=True, random_state=0)), asn(n_components)
    ),
    "PCA on spatial,\nscaler on temporal": make_pipeline(
        per_stream(reduced, StandardScaler()), asn(n_components)
    ),
}
tious = (0.1, 0.3, 0.5, 0.7)
results = {
    name: localization_map(y[test], model.fit(X[train], y[train]).predict(X[test]), tious)
    for name, model in models.items()
}

# %%
# A scaler alone changes little here. The PCA of the spatial columns, whitened, evens out the units
# and drops the added noise. A PCA over all columns sees only the larger ones and mixes the streams:
# afterwards no column is temporal, whatever ``streams=`` says.

figure, ax = plt.subplots(figsize=(7.5, 3.5), layout="constrained")
for (name, values), marker in zip(results.items(), "xosD", strict=True):
    ax.plot(tious, values, marker=marker, label=name)
ax.set(xlabel="tIoU", ylabel="mAP on test videos", xticks=tious, ylim=(0, None))
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
ax.grid(alpha=0.3)
for name, values in results.items():
    print(f"{name!r}: {np.round(values, 3)}")
plt.show()
