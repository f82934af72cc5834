"""
From the CAS to segments: selections compared
=============================================

A selection turns the class activation sequence (CAS) into scored segments. It does not enter
training, so that several can be tried on one fitted model.
"""

# %%

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, ClipWise
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.metrics import localization_map
from sklearn_asn.selection import (
    AutoLocSelection,
    MultiQuantileSelection,
    NaiveSelection,
    RelativeThresholdSelection,
)

X, y = make_untrimmed_videos(n_videos=200, random_state=0)
train, test = np.arange(120), np.arange(120, 200)
model = make_pipeline(
    ClipWise(StandardScaler()),
    ASNLocalizer(
        hidden_size=32,
        quantile=0.4,
        video_threshold=0.2,
        batch_size=32,
        max_epochs=50,
        weight_decay=0.02,
        random_state=0,
    ),
).fit(X[train], y[train])

# %%
# Four of them. *Naive* takes runs of what is above zero (eq. 4 of the paper); *relative threshold*
# runs above half of a class's maximum in the video; *AutoLoc* boxes of fixed scales by the contrast
# between inside and surroundings (eq. 5); *multi-quantile* runs at many quantiles at once, by the
# same contrast.

selections = {
    "naive": NaiveSelection(),
    "relative threshold": RelativeThresholdSelection(),
    "AutoLoc": AutoLocSelection(scales=(2, 4, 8, 16)),
    "multi-quantile": MultiQuantileSelection(),
}
tious = (0.1, 0.3, 0.5, 0.7)
found, table = {}, {}
for name, selection in selections.items():
    model.set_params(asnlocalizer__selection=selection)
    found[name] = model.predict(X[test])
    table[name] = localization_map(y[test], found[name], tious)
print(pd.DataFrame(table, index=pd.Index(tious, name="tIoU")).T.round(3))

# %%
# One video. A row a selection, the stronger the colour, the higher the score; at most the best six
# segments of a class are drawn.

video = 0
cas = model.transform(X[test][video : video + 1])[0]
shown = model.classes_[cas.any(axis=0)]
colours = {label: f"C{i}" for i, label in enumerate(shown)}
figure, (top, bottom) = plt.subplots(
    2, sharex=True, figsize=(9, 5), height_ratios=(1, 2), layout="constrained"
)
for label, values in zip(shown, cas.T[cas.any(axis=0)], strict=True):
    top.stairs(values, np.arange(len(values) + 1), color=colours[label], label=label)
top.set(ylabel="CAS", ylim=(0, 1.05), xlim=(0, len(cas)))
top.legend(loc="upper left", bbox_to_anchor=(1, 1))
rows = ["truth", *found]
for row, name in enumerate(rows):
    segments = y[test][video] if name == "truth" else found[name][video]
    highest = max((s.score for s in segments), default=1)
    for lane, label in enumerate(shown):
        own = sorted((s for s in segments if s.label == label), key=lambda s: -s.score)[:6]
        for s in own:
            alpha = 1 if name == "truth" else float(np.clip(s.score / highest, 0.15, 1))
            where = {"left": s.start, "height": 0.5 / len(shown), "align": "edge"}
            y_low = row - 0.3 + 0.6 * lane / len(shown)
            bottom.barh(y_low, s.end - s.start, color=colours[label], alpha=alpha, **where)
bottom.set_yticks(range(len(rows)), rows)
bottom.set(xlabel="time [s]", ylim=(len(rows) - 0.5, -0.5))
bottom.grid(axis="x", alpha=0.3)
plt.show()
