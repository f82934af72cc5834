"""The systems that the paper compares with, as estimators with the same methods."""

from sklearn_asn._doclink import publish
from sklearn_asn.rivals.autoloc import AutoLoc
from sklearn_asn.rivals.stpn import STPN
from sklearn_asn.rivals.untrimmednet import UntrimmedNet
from sklearn_asn.rivals.wtalc import WTALC

__all__ = ["STPN", "WTALC", "AutoLoc", "UntrimmedNet"]

publish(__name__, __all__)
