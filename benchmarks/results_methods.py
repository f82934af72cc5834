"""The methods of `results.py`: each a plain estimator, and what of it is searched."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from math import ceil
from typing import Any

from results_data import Split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, ClipWise
from sklearn_asn.rivals import STPN, WTALC, AutoLoc, UntrimmedNet
from sklearn_asn.selection import NaiveSelection

Grid = Mapping[str, list[Any]]
NOTHING: Grid = {}


@dataclass(frozen=True)
class Method:
    """How to make a method, and the settings that are searched on training videos.

    `make(split, seed)` gives an unfitted estimator: a localizer, which the features are scaled
    for, or a pipeline that does it itself. `train` is searched by fitting, `use` on what is
    fitted; `chosen` are settings for a data set that need no search, such as those that an
    earlier search over a larger grid has found. `needs` names what a version must have.
    """

    family: str
    make: Callable[[Split, int], Any]
    train: Grid = field(default_factory=dict)
    use: Grid = field(default_factory=dict)
    chosen: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    needs: tuple[str, ...] = ()

    def missing(self) -> str | None:
        """What this version of the package lacks: ``"module:name"`` or ``"...:name.argument"``."""
        for need in self.needs:
            module, name = need.split(":")
            name, _, argument = name.partition(".")
            found = getattr(importlib.import_module(module), name, None)
            if found is None or (argument and argument not in inspect.signature(found).parameters):
                return need
        return None

    def estimator(self, split: Split, seed: int, settings: Mapping[str, Any]) -> Pipeline:
        made = self.make(split, seed)
        if not isinstance(made, Pipeline):
            made = Pipeline([("scale", ClipWise(StandardScaler())), ("localize", made)])
        made[-1].set_params(**settings)
        return made


def batch_size(split: Split) -> int:
    """A quarter of the training videos, at least 8 and at most 64: four steps an epoch or more."""
    return min(64, max(8, ceil(len(split.X) / 4)))


def epochs(split: Split, n_steps: int = 360) -> int:
    """So many that there are about `n_steps` steps."""
    return max(1, round(n_steps / ceil(len(split.X) / batch_size(split))))


def _common(split: Split, seed: int) -> dict[str, Any]:
    return {"streams": split.streams, "device": "cpu", "random_state": seed}


# ------------------------------------------------------------------ the paper's variants

PAPER: Grid = {"weight_decay": [0.02]}
#: Of ASNLocalizer with the paper's criterion; the share of background is what matters most.
QUANTILES: Grid = {"quantile": [0.1, 0.3, 0.5, 0.7], "video_threshold": [0.05, 0.2]}
#: results_hapt.md's, searched there over a larger grid on the same people. The bilinear one is
#: that with a live bilinear layer (weight_decay=0.1 would leave the temporal model).
HAPT = {
    "temporal": {"weight_decay": 0.05, "quantile": 0.15, "video_threshold": 0.05},
    "spatial": {"weight_decay": 0.0005, "quantile": 0.1, "video_threshold": 0.1},
    "two-stream": {"weight_decay": 0.1, "quantile": 0.15, "video_threshold": 0.05},
    "fusion": {"weight_decay": 0.1, "quantile": 0.15, "video_threshold": 0.05},
    "bottleneck": {"weight_decay": 0.02, "quantile": 0.15, "video_threshold": 0.03},
    "bilinear": {"weight_decay": 0.02, "quantile": 0.15, "video_threshold": 0.03},
}
VARIANTS = tuple(HAPT)


def paper(variant: str, split: Split, seed: int) -> ASNLocalizer:
    """ASNLocalizer as in the paper; sizes of results_hapt.md on HAPT."""
    on_hapt = split.name == "hapt"
    return ASNLocalizer(
        variant,
        hidden_size=16 if split.name == "wide" else 64,  # a bilinear layer of 16.8 million weights
        clips_per_video=5 if on_hapt else 7,
        dropout=0.0 if on_hapt else 0.5,
        max_epochs=160 if on_hapt else 80,
        batch_size=batch_size(split),
        attention_scale="threshold",  # of two streams, as in the paper
        **_common(split, seed),
    )


TOP_K: Grid = {"weight_decay": [0.005, 0.02]}
TOP_K_USE: Grid = {"quantile": [0.1, 0.3, 0.5, 0.7], "video_threshold": [0.05]}
TOP_K_HAPT = {"weight_decay": 0.005, "quantile": 0.1, "video_threshold": 0.05}


def with_context(split: Split, seed: int) -> ASNLocalizer:
    """The best setting of results_hapt.md, before there was a background column."""
    return ASNLocalizer(
        "bottleneck",
        init="scratch",
        temporal_context=3,
        pooling="topk",
        clips_per_video=None,
        batch_size=batch_size(split),
        **_common(split, seed),
    )


def with_context_layers(split: Split, seed: int) -> ASNLocalizer:
    """The same with a context layer over whole videos in place of gathered windows."""
    return ASNLocalizer(
        "bottleneck",
        init="scratch",
        context_layers=1,
        pooling="topk",
        clips_per_video=None,
        batch_size=batch_size(split),
        **_common(split, seed),
    )


# ------------------------------------------------------------------ rivals


def untrimmednet(split: Split, seed: int) -> UntrimmedNet:
    return UntrimmedNet(
        max_epochs=160 if split.name == "hapt" else 80,
        dropout=0.5,
        batch_size=batch_size(split),
        **_common(split, seed),
    )


def stpn(split: Split, seed: int) -> STPN:
    on_hapt = split.name == "hapt"
    return STPN(
        max_epochs=100 if on_hapt else 60,
        batch_size=16 if on_hapt else 8,
        clips_per_video=None,
        **_common(split, seed),
    )


def wtalc(split: Split, seed: int) -> WTALC:
    on_hapt = split.name == "hapt"
    return WTALC(
        hidden_size=256,
        max_epochs=60,
        batch_size=16 if on_hapt else 10,
        clips_per_video=None,
        **_common(split, seed),
    )


def autoloc(split: Split, seed: int) -> AutoLoc:
    """Its trained regressor over UntrimmedNet's CAS."""
    inner = untrimmednet(split, seed)
    return AutoLoc(inner, video_weight=0.2, device="cpu", random_state=seed)


def single_instance(split: Split, seed: int) -> Any:
    """Logistic regression, the same with every seed."""
    from sklearn_asn.rivals import SingleInstance

    return SingleInstance(device="cpu", random_state=seed)


# ------------------------------------------------------------------ background column


def probability(variant: str, split: Split, seed: int, **options: Any) -> Any:
    """One narrow net with a background column, an ASE of the paper in front of it."""
    from sklearn_asn.selection import MultiThresholdSelection

    return ASNLocalizer(
        variant,
        init="scratch",
        hidden_size=16 if variant == "bilinear" or split.name == "wide" else 64,
        pooling="probability",
        context_layers=1,
        context_size=64,
        channel_dropout=True,
        optimizer="adamw",
        lr_schedule="cosine",
        lr=2e-3,
        weight_decay=1e-3,
        gradient_clip=5.0,
        clips_per_video=None,
        max_epochs=epochs(split),
        batch_size=batch_size(split),
        selection=MultiThresholdSelection(),
        **_common(split, seed),
        **options,
    )


def preset(effort: str, split: Split, seed: int) -> Any:
    from sklearn_asn import localization_pipeline

    return localization_pipeline(split.X, effort=effort, random_state=seed)


NEW = (
    "sklearn_asn:ASNLocalizer.context_layers",
    "sklearn_asn:ASNLocalizer.optimizer",
    "sklearn_asn:ASNLocalizer.lr_schedule",
    "sklearn_asn.selection:MultiThresholdSelection",
)
PRESET = ("sklearn_asn:localization_pipeline",)

METHODS: dict[str, Method] = {
    **{
        f"ASN, {variant}": Method(
            "paper", partial(paper, variant), PAPER, QUANTILES, {"hapt": HAPT[variant]}
        )
        for variant in VARIANTS
    },
    "ASN, context 3, top-k": Method(
        "before",
        with_context,
        TOP_K,
        TOP_K_USE,
        {"hapt": TOP_K_HAPT},
        ("sklearn_asn:ASNLocalizer.temporal_context",),
    ),
    "ASN, one context layer, top-k": Method(
        "before",
        with_context_layers,
        TOP_K,
        TOP_K_USE,
        {"hapt": TOP_K_HAPT},
        ("sklearn_asn:ASNLocalizer.context_layers",),
    ),
    "single-instance": Method(
        "rivals",
        single_instance,
        NOTHING,
        {"quantile": [0.05, 0.1, 0.2, 0.3, 0.5, 0.7]},
        needs=("sklearn_asn.rivals:SingleInstance",),
    ),
    "UntrimmedNet": Method(
        "rivals",
        untrimmednet,
        {"clip_selection": ["soft", "hard"], "weight_decay": [0.0005, 0.05]},
        NOTHING,
        {"hapt": {"clip_selection": "hard", "weight_decay": 0.05}},
    ),
    "STPN": Method(
        "rivals",
        stpn,
        {"lr": [1e-3, 3e-3], "sparsity": [1e-4]},
        NOTHING,
        {"hapt": {"lr": 3e-3, "sparsity": 1e-2}},
    ),
    "W-TALC": Method(
        "rivals",
        wtalc,
        {"lr": [1e-3, 3e-3], "co_activity": [0.2]},
        {"selection": [None, NaiveSelection()]},
        {
            "hapt": {
                "lr": 1e-3,
                "co_activity": 0.2,
                "weight_decay": 0.005,
                "selection": NaiveSelection(),
            }
        },
    ),
    "AutoLoc": Method(
        "rivals",
        autoloc,
        {"localizer__weight_decay": [0.0005, 0.05]},
        {"min_activation": [0.1, 0.3], "inflation": [0.25, 0.35]},
        {"hapt": {"localizer__dropout": 0.0, "localizer__weight_decay": 0.05}},
    ),
    **{
        f"probability, {variant} in front": Method("ase", partial(probability, variant), needs=NEW)
        for variant in ("temporal", "fusion", "bottleneck", "bilinear")
    },
    "probability, fusion, a sigmoid a class": Method(
        "ase", partial(probability, "fusion", class_activation="sigmoid"), needs=NEW
    ),
    "one-fit": Method("ours", partial(preset, "one-fit"), needs=PRESET),
    "self-training": Method("ours", partial(preset, "self-training"), needs=PRESET),
}
