"""
Callbacks: early stopping, checkpoints
======================================

Training is skorch's, and ``callbacks=`` takes skorch's callbacks. There is no validation loss here
(a loss on labels says little about segments), so what they watch is ``train_loss``. Callbacks are
copied for every fit, so one estimator can be cloned and searched over.
"""

# %%

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Checkpoint, EarlyStopping

from sklearn_asn import ASNLocalizer, ClipWise
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.plotting import TrainingDisplay

X, y = make_untrimmed_videos(n_videos=200, random_state=0)
train, test = np.arange(120), np.arange(120, 200)
scaler = ClipWise(StandardScaler())
X_train, X_test = scaler.fit_transform(X[train]), scaler.transform(X[test])

# %%
# Training stops once the loss has not fallen by one percent for eight epochs. The learning rate
# falls at shares of `max_epochs`, not of the epochs that are trained; the constant rate here leaves
# the stopping to the callback.

settings = {"quantile": 0.4, "batch_size": 32, "weight_decay": 0.02, "random_state": 0}
stopping = EarlyStopping(monitor="train_loss", patience=8, threshold=0.01, sink=lambda text: None)
stopped = ASNLocalizer(
    "temporal", max_epochs=200, lr=0.05, lr_milestones=(), callbacks=[stopping], **settings
).fit(X_train, y[train])
print(f"{stopped.n_iter_} of 200 epochs; mAP at tIoU 0.5: {stopped.score(X_test, y[test]):.3f}")

# %%
# The history has a record an epoch. The picture: the loss, and the running quantiles of attention.

display = TrainingDisplay.from_estimator(stopped, name="stopped early")

# %%
# A checkpoint, whenever the training loss is the lowest so far. The file holds the weights of the
# network, as torch stores them; for a whole model see :doc:`plot_saving`.

with tempfile.TemporaryDirectory() as folder:
    checkpoint = Checkpoint(
        dirname=folder,
        monitor=lambda net: net.history[-1, "train_loss"] == min(net.history[:, "train_loss"]),
        f_params="best.pt",
        f_optimizer=None,
        f_criterion=None,
        f_history="history.json",
    )
    kept = ASNLocalizer("temporal", callbacks=[checkpoint], **settings).fit(X_train, y[train])
    print(f"{kept.n_iter_} epochs; mAP at tIoU 0.5: {kept.score(X_test, y[test]):.3f}")
    print(sorted(path.name for path in Path(folder).iterdir()))
    weights = torch.load(Path(folder) / "best.pt", weights_only=True)

for name, tensor in weights.items():
    print(name, tuple(tensor.shape))

# %%
# With the default ``init="inherit"`` two networks are trained, the temporal one and the one that
# inherits its heads; each gets a copy of the callbacks, and a checkpoint of the second replaces the
# first's. That is why this example takes a single stream.

plt.show()
