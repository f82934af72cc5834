"""How good segments and video-level scores are, under the field's two rules (section 4)."""

from sklearn_asn._doclink import publish
from sklearn_asn.metrics._localization import (
    average_precision_table,
    localization_map,
    localization_scorer,
)
from sklearn_asn.metrics._recall import AverageRecall, average_recall, recall_at
from sklearn_asn.metrics._recognition import (
    RecognitionScorer,
    recognition_accuracy,
    recognition_map,
    recognition_scorer,
)
from sklearn_asn.metrics._tiou import tiou
from sklearn_asn.metrics._weak import (
    weak_clip_accuracy,
    weak_clip_scorer,
    weak_detection_map,
    weak_detection_scorer,
)

__all__ = [
    "AverageRecall",
    "RecognitionScorer",
    "average_precision_table",
    "average_recall",
    "localization_map",
    "localization_scorer",
    "recall_at",
    "recognition_accuracy",
    "recognition_map",
    "recognition_scorer",
    "tiou",
    "weak_clip_accuracy",
    "weak_clip_scorer",
    "weak_detection_map",
    "weak_detection_scorer",
]

publish(__name__, __all__)
