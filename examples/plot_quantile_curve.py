"""
All quantiles from one training
===============================

The quantile, the share of clips taken as background, decides more than any other parameter. It does
not enter training: while a model is trained, the running quantiles of its attention are recorded
at every percent. So one fitted model has the whole curve, and setting ``quantile`` costs nothing.
"""

# %%

import matplotlib.pyplot as plt
import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, ClipWise
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.plotting import QuantileCurveDisplay

X, y = make_untrimmed_videos(n_videos=200, random_state=0)
train, some, rest = np.arange(120), np.arange(120, 140), np.arange(140, 200)
model = make_pipeline(
    ClipWise(StandardScaler()),
    ASNLocalizer(hidden_size=32, batch_size=32, weight_decay=0.02, random_state=0),
).fit(X[train], y[train])

# %%
# mAP against the quantile: on all the test videos that are left, and on the twenty for which, say,
# somebody has drawn the segments by hand. The ring is the default, 0.5.

display = QuantileCurveDisplay.from_estimator(model, X[rest], y[rest], name="60 videos")
QuantileCurveDisplay.from_estimator(model, X[some], y[some], name="20 videos", ax=display.ax_)

# %%
# Twenty videos are few, yet they point to the same region. The chosen quantile holds at once:

few = QuantileCurveDisplay.from_estimator(model, X[some], y[some], ax=plt.figure().add_subplot())
plt.close()
print(f"with the default, quantile 0.5:  mAP {model.score(X[rest], y[rest]):.3f}")
model.set_params(asnlocalizer__quantile=few.best_quantile)
print(f"chosen on 20 videos, {few.best_quantile:.2f}:     mAP {model.score(X[rest], y[rest]):.3f}")

# %%
# Labels alone cannot do this. What they can judge is which actions a video contains, and the
# quantile has no part in that:

labels = [{segment.label for segment in video} for video in y[rest]]
for quantile in (0.1, 0.5, 0.9):
    model.set_params(asnlocalizer__quantile=quantile)
    print(f"quantile {quantile}: score against labels alone {model.score(X[rest], labels):.6f}")

# %%
# What then, without any segments? Think of how much of your videos is background. Here it is

total = X[train].lengths.sum()  # clips of one second
action = (y[train].end - y[train].start).sum()
print(f"{1 - action / total:.0%} of the training videos")

# %%
# are background. Half of that share is where to start: at tIoU 0.5 the best quantile lies below the
# whole here, as it does on HAPT (:doc:`../results_hapt`: 27 % background, best quantiles of 10 to
# 15 %). A likely reason is that a high threshold breaks segments apart.

plt.show()
