"""
The times of a few videos
=========================

Labels say what a video contains. Of some videos somebody may also have written down *when*:
``fit(X, y, timed=mask)`` learns from these times, and from labels alone of the others. How many
does it take? On noisy synthetic videos, from none (weak supervision) to all (full supervision);
settings stay the same, and so do the videos that are scored. Real recordings: see the guide on
choosing.
"""

# %%

import matplotlib.pyplot as plt
import numpy as np

from sklearn_asn import localization_pipeline
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.metrics import localization_map
from sklearn_asn.model_selection import tune

X, y = make_untrimmed_videos(n_videos=160, noise=2.0, random_state=1)
train, test = np.arange(80), np.arange(80, 160)
order = np.random.default_rng(0).permutation(train)


def with_times(known):
    """Segments of the videos that are known, sets of labels of the others."""
    return [
        list(y[int(i)]) if k else {s.label for s in y[int(i)]}
        for i, k in zip(train, known, strict=True)
    ]


numbers, tious = [0, 10, 20, 40, 80], (0.3, 0.5, 0.7)
models, curves = [], []
for number in numbers:
    known = np.isin(train, order[:number])
    model = localization_pipeline(X[train], effort="one-fit", random_state=0)
    model.fit(X[train], with_times(known), selftraininglocalizer__timed=known)
    models.append(model)
    curves.append(localization_map(y[test], model.predict(X[test]), tious))
    print(f"{number:3d} of 80 videos with times: mAP", np.round(curves[-1], 3))

# %%
# Labels alone give most of it. Ten videos with times are worth about as much as the last forty.

fig, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
for tiou, curve in zip(tious, np.transpose(curves), strict=True):
    ax.plot(numbers, curve, "o-", label=f"tIoU {tiou:g}")
ax.set(xlabel="training videos with times, of 80", ylabel="localization mAP", ylim=(0, 1))
ax.set_xscale("symlog", linthresh=10)
ax.set_xticks(numbers, numbers)
ax.legend()
plt.show()

# %%
# Or they choose: `tune` finds the parameters of use that suit the videos with times, for the model
# that was trained on labels alone, without another training. Here there is little to gain: the
# pipeline's defaults need no quantile.

model, some = models[0], with_times(np.isin(train, order[:20]))
step = "selftraininglocalizer__"
tuned = tune(
    model,
    X[train],
    some,
    {f"{step}video_threshold": [0.05, 0.1, 0.3, 0.5], f"{step}selection__video_weight": [0.0, 0.2]},
)
print(tuned.results.round(3).to_string(index=False))
print("on the test videos, before and after:")
print([round(m.score(X[test], y[test]), 3) for m in (model, tuned.estimator)])
