"""Learning rates that change with every step."""

from __future__ import annotations

import math
from typing import Any

from skorch.callbacks import Callback

WARM_UP = 20  # steps


class CosineSchedule(Callback):
    """Rise linearly for a few steps, then fall to zero along half a cosine.

    Parameters
    ----------
    warm_up : int, default=20
        Steps that rise; at most a tenth of all.
    """

    def __init__(self, warm_up: int = WARM_UP) -> None:
        self.warm_up = warm_up

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Count the steps to come."""
        iterator = net.get_iterator(X, training=True)
        self.n_steps_ = net.max_epochs * iterator.n_batches()
        self.step_ = 0

    def on_batch_begin(
        self, net: Any, batch: Any = None, training: bool = False, **kwargs: Any
    ) -> None:
        """Set the rate of this step."""
        if not training:
            return
        share = rate_at(self.step_, self.n_steps_, self.warm_up)
        for group in net.optimizer_.param_groups:
            group["lr"] = share * net.lr
        self.step_ += 1


def rate_at(step: int, n_steps: int, warm_up: int = WARM_UP) -> float:
    """Return the share of the learning rate at a step.

    >>> [round(rate_at(step, 220), 2) for step in (0, 19, 20, 120, 219)]
    [0.05, 1.0, 1.0, 0.5, 0.0]
    """
    rising = min(warm_up, max(1, n_steps // 10))
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, n_steps - rising)))
