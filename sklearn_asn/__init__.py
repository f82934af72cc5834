"""Weakly-supervised temporal action localization in scikit-learn's terms.

What is here, and every public module, is imported when it is first asked for: containers, metrics
and readers need no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from sklearn_asn._version import __version__ as __version__

if TYPE_CHECKING:
    from sklearn_asn import datasets as datasets
    from sklearn_asn import deployment as deployment
    from sklearn_asn import exceptions as exceptions
    from sklearn_asn import interchange as interchange
    from sklearn_asn import methods as methods
    from sklearn_asn import metrics as metrics
    from sklearn_asn import model_selection as model_selection
    from sklearn_asn import plotting as plotting
    from sklearn_asn import preprocessing as preprocessing
    from sklearn_asn import rivals as rivals
    from sklearn_asn import saving as saving
    from sklearn_asn import selection as selection
    from sklearn_asn import shards as shards
    from sklearn_asn import video as video
    from sklearn_asn._data.clips import Clips
    from sklearn_asn._data.segments import Segment, Segments
    from sklearn_asn._data.writer import ClipsWriter
    from sklearn_asn._diagnose import Diagnosis, diagnose
    from sklearn_asn._importance import stream_importance
    from sklearn_asn._localizers.asn import ASNLocalizer
    from sklearn_asn._localizers.self_training import SelfTrainingLocalizer
    from sklearn_asn._pipeline import localization_pipeline
    from sklearn_asn._report import report
    from sklearn_asn._video_classifier import VideoClassifier
    from sklearn_asn.preprocessing import ClipWise
    from sklearn_asn.shards import predict_shards, read_shards

__all__ = [
    "ASNLocalizer",
    "ClipWise",
    "Clips",
    "ClipsWriter",
    "Diagnosis",
    "Segment",
    "Segments",
    "SelfTrainingLocalizer",
    "VideoClassifier",
    "diagnose",
    "localization_pipeline",
    "predict_shards",
    "read_shards",
    "report",
    "stream_importance",
]

_HOME = {
    "ASNLocalizer": "_localizers.asn",
    "Diagnosis": "_diagnose",
    "diagnose": "_diagnose",
    "ClipWise": "preprocessing",
    "Clips": "_data.clips",
    "ClipsWriter": "_data.writer",
    "Segment": "_data.segments",
    "Segments": "_data.segments",
    "SelfTrainingLocalizer": "_localizers.self_training",
    "VideoClassifier": "_video_classifier",
    "localization_pipeline": "_pipeline",
    "predict_shards": "shards",
    "read_shards": "shards",
    "report": "_report",
    "stream_importance": "_importance",
}
_MODULES = (
    *("datasets", "deployment", "exceptions", "interchange", "methods", "metrics"),
    "model_selection",
    *("plotting", "preprocessing", "rivals", "saving", "selection", "shards", "video"),
)


if not TYPE_CHECKING:  # which would take any name for one of the package's

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            return importlib.import_module(f"sklearn_asn.{name}")
        if name in _HOME:
            return getattr(importlib.import_module(f"sklearn_asn.{_HOME[name]}"), name)
        raise AttributeError(f"module 'sklearn_asn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
