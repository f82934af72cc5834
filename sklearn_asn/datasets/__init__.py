"""Data sets: one reader or generator a file."""

from sklearn_asn._doclink import publish
from sklearn_asn.datasets._activitynet import (
    load_activitynet,
    read_activitynet_results,
    write_activitynet_ground_truth,
    write_activitynet_results,
)
from sklearn_asn.datasets._autoloc import load_autoloc_tsv
from sklearn_asn.datasets._features import (
    load_feature_folder,
    load_feature_hdf5,
    load_feature_object_array,
)
from sklearn_asn.datasets._gestures import load_gestures
from sklearn_asn.datasets._ground_truth import load_ground_truth
from sklearn_asn.datasets._hapt import load_hapt
from sklearn_asn.datasets._join import align, check_frame_counts, restrict_labels
from sklearn_asn.datasets._labels import split_labels
from sklearn_asn.datasets._synthetic import make_untrimmed_videos
from sklearn_asn.datasets._table import read_table
from sklearn_asn.datasets._thumos14 import load_thumos14_annotations
from sklearn_asn.datasets._timing import feature_timing

__all__ = [
    "align",
    "check_frame_counts",
    "feature_timing",
    "load_activitynet",
    "load_autoloc_tsv",
    "load_feature_folder",
    "load_feature_hdf5",
    "load_feature_object_array",
    "load_gestures",
    "load_ground_truth",
    "load_hapt",
    "load_thumos14_annotations",
    "make_untrimmed_videos",
    "read_activitynet_results",
    "read_table",
    "restrict_labels",
    "split_labels",
    "write_activitynet_ground_truth",
    "write_activitynet_results",
]

publish(__name__, __all__)
