"""
Features on disk, predictions shard by shard
============================================

For data sets larger than memory: write features video by video, train where they lie, and predict
over many folders in a way that can be stopped and started anew. See :doc:`../large_data`.
"""

# %%
# `ClipsWriter` takes one video at a time, as an extractor makes them. Here the extractor is a data
# set that is at hand already. Half precision halves the files; the network computes in float32.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

from sklearn_asn import ASNLocalizer, Clips, ClipsWriter, predict_shards, read_shards
from sklearn_asn.datasets import make_untrimmed_videos

made, y = make_untrimmed_videos(n_videos=160, random_state=0)
temporary = tempfile.TemporaryDirectory()
root = Path(temporary.name)

shards = {"train": range(100), "shard_0": range(100, 130), "shard_1": range(130, 160)}
for name, videos in shards.items():
    names = made.feature_names  # which say which stream a column is of
    with ClipsWriter(root / name, dtype="float16", feature_names=names) as writer:
        for i in videos:
            writer.append(made[i], clip_seconds=1.0, id=made.ids[i])
    print(name, sum(f.stat().st_size for f in (root / name).iterdir()) // 1000, "kB")

# %%
# Opening reads nothing yet; training reads the clips that it samples. No scaler stands in front,
# since it would make a scaled copy of all clips in memory: the columns of these data are of about
# one size anyway, and :doc:`../large_data` shows how to write scaled features.

X = Clips.open(root / "train")
model = ASNLocalizer(
    hidden_size=32,
    quantile=0.4,
    video_threshold=0.2,
    batch_size=32,
    max_epochs=50,
    weight_decay=0.02,
    random_state=0,
).fit(X, y[:100])

# %%
# Each shard gives a file of segments. The second call finds them and has nothing to do; after a
# crash it would do what is missing.

folders = [root / "shard_0", root / "shard_1"]
predict_shards(model, folders, root / "found")
predict_shards(model, folders, root / "found")
found = read_shards(root / "found")
print(sorted(path.name for path in (root / "found").iterdir()))
print(found)
temporary.cleanup()

# %%
# The first videos of either shard: above what was predicted (of each video the segments with at
# least
# half of its best score), below, hatched, what is true.

shown = [0, 1, 2, 30, 31, 32]
colours = {label: f"C{i}" for i, label in enumerate(model.classes_)}
figure, ax = plt.subplots(figsize=(9, 4), layout="constrained")
for row, i in enumerate(shown):
    best = max((s.score for s in found[i]), default=1)
    for s in found[i]:
        if s.score >= best / 2:
            ax.barh(row - 0.2, s.end - s.start, 0.3, s.start, color=colours[s.label], alpha=0.8)
    for s in y[100 + i]:
        ax.barh(row + 0.15, s.end - s.start, 0.3, s.start, color=colours[s.label], hatch="///")
ax.set_yticks(range(len(shown)), [found.ids[i] for i in shown])
ax.invert_yaxis()
ax.set(xlabel="time [s]")
handles = [plt.Rectangle((0, 0), 1, 1, color=c) for c in colours.values()]
ax.legend(handles, colours, loc="upper left", bbox_to_anchor=(1, 1))
plt.show()
