"""From the class activation sequence (CAS) to scored segments: sections 4.3 and 4.4.

Segments are half-open intervals in clips: clip t covers ``[t, t + 1)``.
"""

from sklearn_asn._doclink import publish
from sklearn_asn.selection._autoloc import AutoLocSelection
from sklearn_asn.selection._base import SEGMENT_DTYPE, Selection
from sklearn_asn.selection._multi_quantile import MultiQuantileSelection
from sklearn_asn.selection._multi_threshold import MultiThresholdSelection
from sklearn_asn.selection._naive import NaiveSelection, RelativeThresholdSelection
from sklearn_asn.selection._nms import nms, soft_nms
from sklearn_asn.selection._scales import dense_scales
from sklearn_asn.selection._tcam import TCAMSelection

__all__ = [
    "SEGMENT_DTYPE",
    "AutoLocSelection",
    "MultiQuantileSelection",
    "MultiThresholdSelection",
    "NaiveSelection",
    "RelativeThresholdSelection",
    "Selection",
    "TCAMSelection",
    "dense_scales",
    "nms",
    "soft_nms",
]

publish(__name__, __all__)
