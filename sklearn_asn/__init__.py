"""Weakly-supervised temporal action localization in scikit-learn's terms."""

from sklearn_asn.clips import Clips
from sklearn_asn.localizer import ASNLocalizer
from sklearn_asn.preprocessing import ClipWise
from sklearn_asn.segments import Segment, Segments

__all__ = ["ASNLocalizer", "ClipWise", "Clips", "Segment", "Segments"]
__version__ = "0.1.0"
