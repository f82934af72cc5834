"""
Quickstart: from clip features and video labels to scored segments
==================================================================

Two hundred synthetic videos of five actions. The temporal stream sees the action, the spatial
stream the scene that goes with it. Training reads which actions each video contains, never when;
the segments that the network finds are then compared with the true ones.

Run it with ``python examples/plot_quickstart.py``; it prints the mAP and saves a picture beside
itself.
"""

# %%
# Data: `Clips` holds a ``(n_clips, n_features)`` array for every video, and their timing;
# `Segments` holds what happens when. Training gets the labels only.

from pathlib import Path

import numpy as np

from sklearn_asn import localization_pipeline
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.metrics import average_precision_table, localization_map
from sklearn_asn.plotting import CASDisplay

X, y = make_untrimmed_videos(n_videos=200, random_state=0)
train, test = np.arange(120), np.arange(120, 200)
labels = [{segment.label for segment in video} for video in y]
print(X)
print("labels of the first video:", sorted(labels[0]))

# %%
# Training: a scaler for every column, then narrow and wide networks, which teach their
# successors twice. All settings are ordinary parameters of the pipeline.

model = localization_pipeline(X[train], random_state=0)
model.fit(X[train], [labels[i] for i in train])

# %%
# Use: segments in seconds, each with a score. A few of the first test video's:

found = model.predict(X[test])
for segment in found[0][:3]:
    print(f"{segment.label} from {segment.start:.1f} to {segment.end:.1f} s ({segment.score:.2f})")

# %%
# Mean average precision against the true segments, ActivityNet rule.

tious = (0.1, 0.3, 0.5, 0.7)
for tiou, value in zip(tious, localization_map(y[test], found, tious), strict=True):
    print(f"mAP at tIoU {tiou}: {value:.3f}")
print(average_precision_table(y[test], found, tious).round(2))

# %%
# One video: attention with its threshold, the CAS, and the segments against the truth.

display = CASDisplay.from_estimator(model, X[test], y[test], video=0)
path = Path(globals().get("__file__", "plot_quickstart.py")).with_name("quickstart.png")
display.figure_.savefig(path, dpi=120)
print("saved", path)
