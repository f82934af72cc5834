"""Data sets: one reader or generator a file."""

from sklearn_asn.datasets._hapt import load_hapt
from sklearn_asn.datasets._synthetic import make_untrimmed_videos

__all__ = ["load_hapt", "make_untrimmed_videos"]
