"""
Why the temporal stream leads
=============================

A single frame shows the scene: a pool, a diving board. It tells that a video is about diving, from
its first second to its last, and so not *when* somebody dives. Optical flow shows the motion, while
it lasts. The synthetic videos here are made that way (see `make_untrimmed_videos`), which makes the
consequence visible: the same network, trained on either stream, looks at different things.

This shows the mechanism. What it is worth on real recordings is in :doc:`../results_hapt`, and on
video in the paper's Table 1.
"""

# %%

import matplotlib.pyplot as plt
import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, ClipWise
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.metrics import localization_map, recognition_map

X, y = make_untrimmed_videos(n_videos=200, random_state=0)
train, test = np.arange(120), np.arange(120, 200)

models = {}
for variant in ("spatial", "temporal", "two-stream", "bilinear"):
    asn = ASNLocalizer(
        variant,
        hidden_size=32,
        quantile=0.4,
        batch_size=32,
        weight_decay=0.02,
        random_state=0,
    )
    models[variant] = make_pipeline(ClipWise(StandardScaler()), asn).fit(X[train], y[train])

# %%
# Attention of both streams on one test video. That of the temporal stream rises with the actions
# (and with some of the other motion in between); that of the spatial stream does much less so.

video = 134
figure, axes = plt.subplots(2, sharex=True, figsize=(9, 4), layout="constrained")
for ax, variant in zip(axes, ("spatial", "temporal"), strict=True):
    scaler, asn = models[variant]
    (attention,) = asn.attention(scaler.transform(X[video : video + 1]))
    ax.stairs(attention, np.arange(len(attention) + 1), color="black")
    ax.axhline(asn.threshold_, color="C3", linestyle="--", label="threshold")
    for i, segment in enumerate(y[video]):
        name = "true segment" if i == 0 else None
        ax.axvspan(segment.start, segment.end, color="C0", alpha=0.2, linewidth=0, label=name)
    ax.set(ylabel=f"attention,\n{variant} stream", xlim=(0, len(attention)))
axes[0].legend(loc="upper left", bbox_to_anchor=(1, 1))
axes[1].set_xlabel("time [s]")

# %%
# Recognition (which actions does a video contain?) and localization (when?) on all test videos. The
# spatial stream is good at the first and useless for the second. Averaging both streams, as
# two-stream networks do, recognizes well, but localizes worse than the temporal stream alone. With
# the temporal stream in the lead and the spatial one distilled into it ("bilinear"), localization
# is best, and recognition better than without the spatial stream.

rows = {
    "recognition: mean AP of video labels": {
        name: recognition_map(y[test], model.predict_proba(X[test]), classes=model.classes_)
        for name, model in models.items()
    },
    "localization: mAP at tIoU 0.5": {
        name: localization_map(y[test], model.predict(X[test]), 0.5)
        for name, model in models.items()
    },
}
figure, axes = plt.subplots(1, 2, figsize=(9, 3), sharey=True, layout="constrained")
for ax, (title, values) in zip(axes, rows.items(), strict=True):
    bars = ax.barh(list(values), list(values.values()), color=["0.7", "C0", "0.5", "C1"])
    ax.bar_label(bars, fmt="%.2f", padding=3)
    ax.set(title=title, xlim=(0, 1.05))
    ax.spines[["top", "right"]].set_visible(False)
axes[0].invert_yaxis()
plt.show()
