"""What a fit tells of itself: one bar in a terminal, one line at its end."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from multiprocessing import parent_process
from typing import Any, Self

import torch
from skorch.callbacks import Callback
from tqdm import tqdm  # type: ignore[import-untyped]

from sklearn_asn._checks import check_verbose
from sklearn_asn._training.recipe import threshold_at


class Progress:
    """One fit: the networks that it trains one after another, seen as one bar.

    The bar is drawn on a terminal (or in a notebook) alone. Where output goes to a file, and in
    the workers of joblib and dask, which share one screen, there is no bar. Everywhere the fit
    ends with one line, written at once. Both go to the standard error stream.

    Parameters
    ----------
    name : str
        What is fitted.
    verbose : int
        0 is silent, 1 shows bar and line. From 2 on a table that something else prints, of a line
        an epoch, stands for the bar.
    quantile : float or None
        Level of the attention threshold that is shown; None: none is.
    labelled : bool
        Whether the variant of a network says something.

    Attributes
    ----------
    n_trainings : int
        Networks that the fit will train; 1 unless it is set.
    """

    def __init__(
        self,
        name: str,
        verbose: int = 0,
        quantile: float | None = None,
        labelled: bool = False,
    ) -> None:
        check_verbose(verbose)
        self.name, self.verbose = name, int(verbose)
        self.quantile, self.labelled = quantile, labelled
        self.n_trainings = 1
        self._parts: list[str] = []  # what was trained
        self._label = self._state = ""  # of the last training: its variant, loss and threshold
        self._n_steps = self._steps_before = 0
        self._trains = False
        self._bar: Any = None
        self._since = time.monotonic()

    @classmethod
    def of(cls, estimator: Any) -> Progress:
        """Make one for a fit of `estimator`."""
        quantile, labelled = getattr(estimator, "quantile", None), _has_variants(estimator)
        return cls(type(estimator).__name__, estimator.verbose, quantile, labelled)

    def __repr__(self) -> str:
        return f"Progress({self.name!r}, verbose={self.verbose})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        """Clear the bar and, where the fit came to its end, say how it ended."""
        if self._bar is not None:
            self._bar.close()
        if error is None and self.verbose > 0 and self._parts:
            parts = " after ".join(reversed(self._parts)) + self._state
            took = duration(time.monotonic() - self._since)
            sys.stderr.write(f"{self._title()}: {parts}, {took}\n")  # one write is one line
            sys.stderr.flush()

    def start(self, n_steps: int, variant: str = "") -> None:
        """Announce a training, or that it is looked for in the cache."""
        self._label = variant if self.labelled else ""
        self._n_steps, self._trains = n_steps, False

    def begin(self) -> None:
        """Tell that it does train."""
        self._trains = True
        if self._bar is None and self.verbose == 1 and redraws(sys.stderr):
            self._bar = _Bar(leave=False, delay=1e-9, ncols=0, nrows=20)  # nothing is drawn yet
        if self._bar is not None:
            done = len(self._parts)
            title = self._title()
            if self.n_trainings > 1:
                title = f"{self._label or self.name} ({done + 1} of {self.n_trainings})"
            self._bar.set_description_str(title, refresh=False)
            self._bar.total = self._steps_before + self._n_steps * (self.n_trainings - done)
            self._draw(0, "")

    def step(self, step: int, loss: float, curves: Any = None) -> None:
        """Show that so many steps are done."""
        if self._bar is not None:
            self._draw(step, self._describe(loss, curves))

    def finish(self, history: list[dict[str, Any]], curves: Any = None) -> None:
        """Note what the training gave; none that has begun means that it came from the cache."""
        n_epochs = len(history)
        unit = "epoch" if n_epochs == 1 else "epochs"
        is_last = len(self._parts) + 1 >= self.n_trainings
        part = f"{n_epochs} {unit if is_last else 'of ' + self._label}"
        self._parts.append(part if self._trains else part + " (taken from memory)")
        self._state = self._describe(history[-1]["train_loss"], curves) if history else ""
        if self._bar is not None:
            self._steps_before = self._bar.n

    def _title(self) -> str:
        return f"{self.name} {self._label}".rstrip()

    def _draw(self, step: int, state: str) -> None:
        bar, now = self._bar, f"{step}/{self._n_steps}{state}"
        bar.ncols = shutil.get_terminal_size().columns - 1  # it may have been resized
        bar.bar_format = f"{{desc}} |{{bar}}| {now}, {{remaining}} left"
        bar.update(self._steps_before + step - bar.n)
        if step in (0, self._n_steps):
            bar.refresh()

    def _describe(self, loss: float, curves: Any) -> str:
        state = f", loss {loss:.3g}"
        if self.quantile is None or curves is None:
            return state
        values = threshold_at(torch.as_tensor(curves, device="cpu").numpy(), self.quantile)
        return state + ", threshold " + "/".join(f"{v:.3g}" for v in values)


class ShowProgress(Callback):
    """Tell a `Progress` of skorch's epochs."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Open the bar."""
        self.progress.begin()

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Move it."""
        history = net.history
        self.progress.step(len(history), history[-1, "train_loss"], net.module_.attention_quantiles)


def duration(seconds: float) -> str:
    """Say how long something took.

    >>> duration(0.31), duration(12.4), duration(200), duration(7300)
    ('0.3 s', '12 s', '3 min 20 s', '2 h 1 min')
    """
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if minutes else f"{rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def redraws(stream: Any) -> bool:
    """Tell whether a line on `stream` can be drawn again and again, by nobody else than us."""
    if parent_process() is not None or threading.current_thread() is not threading.main_thread():
        return False
    return bool(stream.isatty()) or type(stream).__module__.startswith("ipykernel")


class _Bar(tqdm):
    """tqdm's bar without its thread and its locks between processes: one process draws."""

    monitor_interval = 0
    _lock = threading.RLock()


def _has_variants(estimator: Any) -> bool:
    """Tell whether there is a variant to name, other than what the method is by itself."""
    missing = object()
    variant = getattr(estimator, "variant", missing)
    return variant is not missing and variant != getattr(estimator, "_own_variant", missing)
