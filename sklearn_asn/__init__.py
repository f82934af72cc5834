"""Weakly-supervised temporal action localization in scikit-learn's terms."""

from sklearn_asn._data.clips import Clips
from sklearn_asn._data.segments import Segment, Segments
from sklearn_asn._data.writer import ClipsWriter
from sklearn_asn._localizers.asn import ASNLocalizer
from sklearn_asn._localizers.self_training import SelfTrainingLocalizer
from sklearn_asn._report import report
from sklearn_asn.preprocessing import ClipWise
from sklearn_asn.shards import predict_shards, read_shards

__all__ = [
    "ASNLocalizer",
    "ClipWise",
    "Clips",
    "ClipsWriter",
    "Segment",
    "Segments",
    "SelfTrainingLocalizer",
    "predict_shards",
    "read_shards",
    "report",
]
__version__ = "0.1.0"
