"""From video files to `Clips`; needs ``pip install "sklearn-asn[video]"`` (PyAV and OpenCV)."""

from sklearn_asn._doclink import publish
from sklearn_asn.video._extractor import TwoStreamExtractor

__all__ = ["TwoStreamExtractor"]

publish(__name__, __all__)
