"""
Rare classes: sample_weight
===========================

Most training videos show the same few actions. ``fit(..., sample_weight=...)`` says how many videos
each one stands for, in the loss and in the recorded quantiles. Here the weight of a video is the
mean, over its labels, of how rare these are.
"""

# %%

import matplotlib.pyplot as plt
import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, ClipWise
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.metrics import average_precision_table

made, truth = make_untrimmed_videos(n_videos=500, labels_per_video=1, random_state=0)
labels = np.array([video[0].label for video in truth])
classes = np.unique(labels)
keep = dict(zip(classes, (60, 60, 60, 8, 8), strict=True))  # training videos of each class
train = np.concatenate([np.flatnonzero(labels == c)[:n] for c, n in keep.items()])
test = np.concatenate([np.flatnonzero(labels == c)[60:80] for c in classes])
print({str(c): int(np.sum(labels[train] == c)) for c in classes})

# %%
# Several labels a video would make this the mean over the video's labels.

counts = {c: np.sum(labels[train] == c) for c in classes}
weight = np.array([len(train) / (len(classes) * counts[c]) for c in labels[train]])

# %%
# In a pipeline the weight goes to the last step by its name.

tables = {}
for name, given in (("every video counts once", None), ("rare classes count more", weight)):
    runs = []
    for seed in range(2):
        model = make_pipeline(
            ClipWise(StandardScaler()),
            ASNLocalizer(
                "bottleneck",
                hidden_size=32,
                quantile=0.4,
                batch_size=32,
                max_epochs=50,
                weight_decay=0.02,
                random_state=seed,
            ),
        )
        model.fit(made[train], labels[train], asnlocalizer__sample_weight=given)
        found = model.predict(made[test])
        runs.append(average_precision_table(truth[test], found, 0.5).iloc[:, 0])
    tables[name] = sum(runs) / len(runs)
    print(f"{name}: mAP {tables[name].mean():.3f}")

# %%
# What it changes, class by class; the test videos are balanced. The common classes move too: with
# twenty test videos a class and two trainings each, these numbers are rough.

figure, ax = plt.subplots(figsize=(7.5, 3.2), layout="constrained")
for i, (name, values) in enumerate(tables.items()):
    bars = ax.bar(np.arange(len(classes)) + 0.38 * (i - 0.5), values, 0.36, label=name)
    ax.bar_label(bars, fmt="%.2f", fontsize="small")
ax.set_xticks(range(len(classes)), [f"{c}\n{n} videos" for c, n in keep.items()])
ax.set(ylabel="average precision at tIoU 0.5", ylim=(0, 1))
ax.spines[["top", "right"]].set_visible(False)
ax.legend()
plt.show()
