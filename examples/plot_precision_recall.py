"""
Precision over recall of segments
=================================

The mean average precision is one number. Behind it stands, for every class, a curve: going down the
detections by score, how many of them are right, and how much of the truth they have found.
"""

# %%

import matplotlib.pyplot as plt
import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, ClipWise
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.plotting import PrecisionRecallDisplay

X, y = make_untrimmed_videos(n_videos=200, random_state=0)
train, test = np.arange(120), np.arange(120, 200)
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

# %%
# At a generous tIoU. The area below a curve *is* the class's average precision under the rule that
# is named; the mean curve's area is the mAP.

display = PrecisionRecallDisplay.from_estimator(model, X[test], y[test], tiou=0.3)

# %%
# Classes that share their motion (0 with 1, 2 with 3 in these data) are the difficult ones: only
# scene and cue, weak ones, tell them apart.
#
# The same detections at a strict tIoU. Curves start lower (the segments scored highest are not all
# tight) and end earlier (much of the truth is never met that well).

strict = PrecisionRecallDisplay.from_estimator(model, X[test], y[test], tiou=0.7)
plt.show()
