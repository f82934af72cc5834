"""
Inside a prediction: features, attention, CAS, segments
=======================================================

What lies between the features of a video and the segments that come out, one step at a time, on
one synthetic video that training has not seen. Every step has a method: `attention`,
`predict_proba`, `transform`, `predict`.
"""

# %%
# One hundred and twenty videos to train on; training reads only which classes occur.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, ClipWise
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.plotting import CASDisplay

X, y = make_untrimmed_videos(n_videos=200, random_state=0)
train, test = np.arange(120), np.arange(120, 200)
labels = [{segment.label for segment in video} for video in y]

model = make_pipeline(
    ClipWise(StandardScaler()),
    ASNLocalizer(
        hidden_size=32,
        quantile=0.4,
        video_threshold=0.2,
        batch_size=32,
        weight_decay=0.02,
        random_state=0,
    ),
)
model.fit(X[train], [labels[i] for i in train])

video = 120  # of the test videos, the first
one, truth = X[video : video + 1], y[video]

# %%
# What is known, and what is asked for
# ------------------------------------
# The features of the video, a column a clip, the two streams apart; below, the true segments.
# Training would have been told the set of labels, and nothing else.

features = model[0].transform(one)[0]
colours = {label: f"C{i}" for i, label in enumerate(sorted(labels[video]))}
half = features.shape[1] // 2

figure, axes = plt.subplots(
    3, sharex=True, figsize=(9, 5), height_ratios=(3, 3, 1), layout="constrained"
)
for ax, name, columns in (
    (axes[0], "spatial stream", features[:, :half]),
    (axes[1], "temporal stream", features[:, half:]),
):
    extent = (0, len(columns), half, 0)
    picture = ax.imshow(columns.T, aspect="auto", cmap="RdBu_r", vmin=-4, vmax=4, extent=extent)
    ax.set_ylabel(f"{name}\n(feature)")
figure.colorbar(picture, ax=axes[:2], label="scaled value")
for label, start, end, _ in truth:
    bars = axes[2].barh(0, end - start, left=start, color=colours[label])
    axes[2].bar_label(bars, [label], label_type="center", color="white", fontsize="small")
axes[2].set(yticks=[], ylabel="truth", xlabel="time [s]")
print("what training is told of a video like this:", sorted(labels[video]))

# %%
# Attention, and where it is cut
# ------------------------------
# One number says how much a clip matters, whatever the class. It has no unit: 0.3 may be high in
# one training and low in the next. So the limit is not a number but a share: during training the
# running quantiles of attention are recorded (right), and what lies below the one at `quantile` is
# background.

asn = model[-1]
(attention,) = model[-1].attention(model[0].transform(one))

figure, (left, right) = plt.subplots(
    1, 2, figsize=(9, 3), width_ratios=(2, 1), sharey=True, layout="constrained"
)
left.stairs(attention, np.arange(len(attention) + 1), color="black")
for label, start, end, _ in truth:
    left.axvspan(start, end, color=colours[label], alpha=0.25, linewidth=0)
left.set(xlabel="time [s] (coloured: truth)", ylabel="attention", xlim=(0, len(attention)))
right.plot(asn.quantile_levels_, asn.attention_quantiles_, color="black")
right.axvline(asn.quantile, color="0.6", linestyle=":")
right.set(xlabel="share of training clips below", title="recorded in training")
for ax in (left, right):
    ax.axhline(asn.threshold_, color="C3", linestyle="--", label=f"quantile {asn.quantile:.0%}")
right.legend()
print(f"threshold at quantile {asn.quantile}: {asn.threshold_:.2f}")

# %%
# Classes of the video
# --------------------
# Attention also says how much each clip counts for the video as a whole. Classes whose probability
# does not pass `video_threshold` are not looked for. (Of five classes, an even guess is 0.2 each.)

(probabilities,) = model.predict_proba(one)
for label, probability in zip(model.classes_, probabilities, strict=True):
    print(f"{label}: {probability:.2f}", "localized" if probability > asn.video_threshold else "")

# %%
# CAS and segments
# ----------------
# The class activation sequence (CAS) has a column a class: the class's probability at every clip,
# zero where attention or the class did not pass. Runs of what is above zero are segments; their
# score is the mean of the run, plus a share of the video's own probability.

# sphinx_gallery_thumbnail_number = -1
CASDisplay.from_estimator(model, X[test], y[test], video=0)
plt.show()
