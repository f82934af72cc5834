"""
Other methods on the same data
==============================

The systems that the paper compares with are estimators with the same methods, so a comparison on
your own data is a loop. Settings are each method's own where these suit small data; learning rates
and epochs of W-TALC and STPN, published for large features, are raised. **Nothing here is
tuned, and the data are synthetic: this shows how to compare, not who wins.** A comparison in which
every method was searched for, on real recordings, is in :doc:`../results_hapt`.

The last one is no rival but the baseline: each clip gets its video's labels, and a logistic
regression does the rest. What is not above it has learned nothing from bags.
"""

# %%

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, ClipWise
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.metrics import localization_map
from sklearn_asn.rivals import STPN, WTALC, SingleInstance, UntrimmedNet

X, y = make_untrimmed_videos(n_videos=200, random_state=0)
train, test = np.arange(120), np.arange(120, 200)
scaler = ClipWise(StandardScaler())
X_train, X_test = scaler.fit_transform(X[train]), scaler.transform(X[test])

sgd = {"batch_size": 32, "weight_decay": 0.02, "random_state": 0}
adam = {"batch_size": 16, "lr": 3e-3, "random_state": 0}
methods = {
    "ASN, bilinear": ASNLocalizer(hidden_size=32, quantile=0.4, **sgd),
    "ASN, temporal context, top-k": ASNLocalizer(
        "bottleneck",
        hidden_size=32,
        init="scratch",
        context_layers=1,
        context_size=32,
        pooling="topk",
        clips_per_video=None,
        quantile=0.4,
        **sgd,
    ),
    "UntrimmedNet": UntrimmedNet(**sgd),
    "W-TALC": WTALC(hidden_size=64, max_epochs=40, **adam),
    "STPN": STPN(attention_size=32, max_epochs=60, **adam),
    "single instance (baseline)": SingleInstance(quantile=0.4, random_state=0),
}
tious = np.linspace(0.1, 0.7, 7)
results = {}
for name, method in methods.items():
    start = time.perf_counter()
    method.fit(X_train, y[train])
    results[name] = localization_map(y[test], method.predict(X_test), tious)
    print(f"{name}: {time.perf_counter() - start:.1f} s")

# %%

figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
for (name, values), marker in zip(results.items(), "Dosv^x", strict=True):
    ax.plot(tious, values, marker=marker, label=name)
ax.set(xlabel="tIoU", ylabel="mAP (ActivityNet rule)", ylim=(0, None))
ax.grid(alpha=0.3)
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
plt.show()
