"""Pictures of results, after scikit-learn's Display conventions; matplotlib is optional."""

from sklearn_asn._colours import class_colours
from sklearn_asn._doclink import publish
from sklearn_asn.plotting._cas import CASDisplay
from sklearn_asn.plotting._precision_recall import PrecisionRecallDisplay
from sklearn_asn.plotting._quantiles import QuantileCurveDisplay
from sklearn_asn.plotting._training import TrainingDisplay

__all__ = [
    "CASDisplay",
    "PrecisionRecallDisplay",
    "QuantileCurveDisplay",
    "TrainingDisplay",
    "class_colours",
]

publish(__name__, __all__)
