"""Constructor arguments of localizers."""

from __future__ import annotations

from typing import Any

from sklearn_asn._checks import check_count, check_number

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


def check_selection(selection: Any) -> None:
    """Refuse what cannot make segments of a CAS."""
    if selection is not None and not hasattr(selection, "select"):
        raise ValueError(
            f"selection={selection!r}; expected None or an object with a method "
            "select(cas, video_scores), such as NaiveSelection()."
        )
