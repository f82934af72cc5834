"""The systems that the paper compares with, and a baseline, with the same methods."""

from sklearn_asn._doclink import publish
from sklearn_asn.rivals.autoloc import AutoLoc
from sklearn_asn.rivals.single_instance import SingleInstance
from sklearn_asn.rivals.stpn import STPN
from sklearn_asn.rivals.untrimmednet import UntrimmedNet
from sklearn_asn.rivals.wtalc import WTALC

__all__ = ["STPN", "WTALC", "AutoLoc", "SingleInstance", "UntrimmedNet"]

publish(__name__, __all__)
