"""Mistakes at the public boundary: what is called, which error comes, what its message names."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

import sklearn_asn as asn
from sklearn_asn import (
    ASNLocalizer,
    Clips,
    ClipsWriter,
    ClipWise,
    Segment,
    Segments,
    SelfTrainingLocalizer,
    datasets,
    interchange,
    metrics,
    model_selection,
    plotting,
    rivals,
    saving,
    selection,
)
from sklearn_asn.datasets import make_untrimmed_videos

FAST = {"max_epochs": 1, "batch_size": 4, "hidden_size": 4, "random_state": 0, "device": "cpu"}
NAN = float("nan")


@cache
def data():
    return make_untrimmed_videos(
        n_videos=12, n_classes=2, n_clips=(10, 14), n_instances=(1, 2), instance_clips=(1, 3),
        n_features=4, random_state=0,
    )


@cache
def model():
    return ASNLocalizer("temporal", clips_per_video=4, **FAST).fit(*data())


def X():
    return data()[0]


def y():
    return data()[1]


def asn_(**changes):
    return ASNLocalizer("temporal", **{"clips_per_video": 4, **FAST, **changes})


def fit(labels, **changes):
    return asn_(**changes).fit(X(), labels)


def some(*video):
    """Ground truth whose first video is given."""
    return [list(video), *map(list, y()[1:])]


SEG = Segments.from_list([[("a", 0.0, 1.0, 0.5)], []], ids=["p", "q"])
TRUE = Segments.from_list([[("a", 0.0, 1.0)], []], ids=["p", "q"])
