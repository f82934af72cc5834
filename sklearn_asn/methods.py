"""Building blocks for a method of one's own.

A localizer is a thin face over three things: a `Plan` (what is trained), a criterion (a torch
module that gives the loss of a batch of videos) and a `Reading` (what the trained network's
scores mean). Subclass `BaseLocalizer`, say these, and the rest follows: fit, transform, predict,
score, grid search, `memory`, pickling, report and displays. `docs/guide/own_method.md` has whole
examples.
"""

from sklearn_asn._doclink import publish
from sklearn_asn._localizers.base import BaseLocalizer
from sklearn_asn._localizers.model import Scored
from sklearn_asn._localizers.parameters import (
    SHARED,
    Parameter,
    choice,
    count,
    number,
    optional,
)
from sklearn_asn._localizers.planning import Inputs, plan_of
from sklearn_asn._localizers.reading import Reading, read_models
from sklearn_asn._training.criteria import hidden, weighted_mean
from sklearn_asn._training.network import Heads
from sklearn_asn._training.recipe import Plan

__all__ = [
    "SHARED",
    "BaseLocalizer",
    "Heads",
    "Inputs",
    "Parameter",
    "Plan",
    "Reading",
    "Scored",
    "choice",
    "count",
    "hidden",
    "number",
    "optional",
    "plan_of",
    "read_models",
    "weighted_mean",
]

publish(
    __name__,
    ("hidden", "number", "choice", "count", "optional", "plan_of", "read_models", "weighted_mean"),
)
