"""Checks of constructor arguments and of what comes with X; each error names its argument."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sklearn_asn.clips import Clips
from sklearn_asn.segments import Segments


def check_choice(value: Any, name: str, choices: Sequence[str]) -> None:
    """Refuse a value that is not one of `choices`."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name}={value!r}; expected one of {tuple(choices)}.")


def check_count(value: Any, name: str) -> None:
    """Refuse anything but a positive integer."""
    if not isinstance(value, Integral) or isinstance(value, bool) or int(value) < 1:
        raise ValueError(f"{name}={value!r}; expected an integer of at least 1.")


def check_number(
    value: Any,
    name: str,
    low: float = -np.inf,
    high: float = np.inf,
    *,
    open_low: bool = False,
    open_high: bool = False,
) -> None:
    """Refuse anything but a finite number between `low` and `high` (inclusive unless open)."""
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    number = float(value) if is_number else np.nan
    inside = low <= number <= high and np.isfinite(number)
    if not inside or (open_low and number == low) or (open_high and number == high):
        left, right = "(" if open_low else "[", ")" if open_high else "]"
        raise ValueError(f"{name}={value!r}; expected a number in {left}{low:g}, {high:g}{right}.")


COUNTS = (
    "hidden_size",
    "temporal_context",
    "context_size",
    "topk_divisor",
    "attention_size",
    "frames_per_clip",
    "frames_sampled",
    "hide_clips",
    "max_epochs",
    "batch_size",
    "trimmed_batch_size",
)
NUMBERS: dict[str, dict[str, Any]] = {
    "quantile_momentum": {"low": 0, "high": 1},
    "dropout": {"low": 0, "high": 1, "open_high": True},
    "hide_probability": {"low": 0, "high": 1, "open_high": True},
    "sparsity": {"low": 0},
    "co_activity": {"low": 0, "high": 1},
    "margin": {"low": 0},
    "lr": {"low": 0},
    "momentum": {"low": 0, "high": 1, "open_high": True},
    "weight_decay": {"low": 0},
}
OPTIONAL: dict[str, dict[str, Any]] = {"gradient_clip": {"low": 0, "open_low": True}}


def check_training_parameters(estimator: Any) -> None:
    """Check the constructor's arguments that localizers have in common, where there."""
    parameters = estimator.get_params(deep=False)
    for name in COUNTS:
        if name in parameters:
            check_count(parameters[name], name)
    if parameters.get("clips_per_video") is not None:
        check_count(parameters["clips_per_video"], "clips_per_video")
    for name, limits in {**NUMBERS, **OPTIONAL}.items():
        if name in parameters and not (name in OPTIONAL and parameters[name] is None):
            check_number(parameters[name], name, **limits)
    for share in parameters.get("lr_milestones", ()):
        check_number(share, "lr_milestones", 0, 1)
    if parameters.get("temporal_context", 1) % 2 == 0:
        raise ValueError(
            f"temporal_context={parameters['temporal_context']}; expected an odd number."
        )


def classes_of(labels: NDArray[Any]) -> NDArray[Any]:
    """Return the classes among `labels`; refuse fewer than two."""
    classes = np.unique(labels)
    if len(classes) < 2:
        raise ValueError(
            f"y has {len(classes)} class(es): {classes.tolist()}. At least 2 are needed: with one "
            "class the softmax is 1 for every clip, and attention learns nothing."
        )
    return classes


def allowed_classes(localize_classes: Any, classes: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Return which of `classes` may be localized; None: all of them."""
    if localize_classes is None:
        return None
    wanted = list(localize_classes) if not isinstance(localize_classes, str) else []
    known = classes.tolist()
    unknown = [c for c in wanted if c not in known]
    if not wanted or unknown:
        raise ValueError(
            f"localize_classes={localize_classes!r}; expected None or a sequence of classes that "
            f"training has seen ({unknown[:5]} are not among them)."
        )
    return np.array([c in wanted for c in known])


def check_selection(selection: Any) -> None:
    """Refuse what cannot make segments of a CAS."""
    if selection is not None and not hasattr(selection, "select"):
        raise ValueError(
            f"selection={selection!r}; expected None or an object with a method "
            "select(cas, video_scores), such as NaiveSelection()."
        )


def resolve_device(device: Any, fall_back: bool = False) -> str:
    """Return the torch device to use; ``"auto"`` is the GPU where there is one.

    With `fall_back` a GPU that is not there is no error: a model trained on one is used without.
    """
    if device == "auto" or (fall_back and not torch.cuda.is_available()):
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        parsed = torch.device(device)
    except (RuntimeError, TypeError):
        raise ValueError(
            f"device={device!r}; expected 'auto', 'cpu', 'cuda' or 'cuda:N'."
        ) from None
    if parsed.type == "cuda":
        n = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (parsed.index or 0) >= n:
            if fall_back:  # trained where there were more
                return "cuda"
            raise ValueError(f"device={device!r}, but torch sees {n} CUDA devices; use 'auto'.")
    elif parsed.type != "cpu":
        raise ValueError(f"device={device!r}; expected 'auto', 'cpu', 'cuda' or 'cuda:N'.")
    return str(parsed)


def check_trimmed(trimmed: Any, n_videos: int) -> NDArray[np.bool_]:
    """Return the mask of trimmed videos; None means that there are none."""
    if trimmed is None:
        return np.zeros(n_videos, dtype=bool)
    mask = np.asarray(trimmed)
    if mask.shape != (n_videos,) or mask.dtype != bool:
        raise ValueError(
            f"trimmed must be a boolean array of shape ({n_videos},), "
            f"got {mask.dtype} of shape {mask.shape}."
        )
    return mask


def check_weights(sample_weight: Any, n_videos: int) -> NDArray[np.float64]:
    """Return one non-negative weight a video; None means 1 each.

    Whole numbers stay as they are (so many equal videos); others are scaled to a mean of 1.
    """
    if sample_weight is None:
        return np.ones(n_videos)
    weight = np.asarray(sample_weight, dtype=np.float64)
    if weight.shape != (n_videos,):
        raise ValueError(
            f"sample_weight must have shape ({n_videos},), one number a video; "
            f"got shape {weight.shape}."
        )
    if not np.all(np.isfinite(weight)) or np.any(weight < 0):
        i = int(np.flatnonzero(~(np.isfinite(weight) & (weight >= 0)))[0])
        raise ValueError(f"sample_weight of video {i} is {weight[i]}; expected a number >= 0.")
    if not np.any(weight > 0):
        raise ValueError("sample_weight is zero for every video: the weights leave no data.")
    if np.all(weight == np.round(weight)):
        return weight
    return weight / weight[weight > 0].mean()


def draw_seed(random_state: Any) -> int:
    """Turn scikit-learn's `random_state` into one seed; None draws from the system, not NumPy."""
    if random_state is None:
        return int(np.random.default_rng().integers(2**31))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    if isinstance(random_state, Integral) and 0 <= int(random_state) < 2**32:
        return int(random_state)
    raise ValueError(
        f"random_state={random_state!r}; expected None, an integer in [0, 2**32 - 1], a NumPy "
        "RandomState or Generator."
    )


def check_inside(segments: Segments, clips: Clips) -> None:
    """Refuse segments wholly outside their video (whole clips may end up to two clips early)."""
    video = segments.video
    spans = clips.spans[video]
    slack = 2.0 if clips.clip_seconds is None else 2 * clips.clip_seconds[video]
    outside = (segments.start >= spans[:, 1] + slack) | (segments.end <= spans[:, 0] - slack)
    if np.any(outside):
        row = int(np.flatnonzero(outside)[0])
        unit = "clips" if clips.clip_seconds is None else "s"
        raise ValueError(
            f"y: a segment of video {video[row]}, ({segments.label[row]!s}, "
            f"{segments.start[row]:g}, {segments.end[row]:g}), lies outside the video, which "
            f"covers [{spans[row, 0]:g}, {spans[row, 1]:g}) {unit}. Are the units the same?"
        )


@contextmanager
def unchanged_on_error(estimator: Any) -> Iterator[None]:
    """Put an estimator's attributes back if the block raises."""
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
