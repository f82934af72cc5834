"""`Segments` to and from the files of the tools that people annotate, watch and count with.

==============  ==============================================  ==============  =============
Format          Functions                                       One file        Resolution
==============  ==============================================  ==============  =============
CSV             `write_csv`, `read_csv`                         for all videos  exact
ELAN            `write_eaf`, `read_eaf`                         a video         millisecond
Label Studio    `write_label_studio`, `read_label_studio`,      for all videos  frame, or
                `label_studio_config`                                           exact (audio)
VIA 3           `write_via`, `read_via`                         for all videos  exact
WebVTT          `write_vtt`, `read_vtt`                         a video         millisecond
SubRip (SRT)    `write_srt`, `read_srt`                         a video         millisecond
ActivityNet     `write_activitynet_ground_truth`,               for all videos  exact
                `write_activitynet_results`,
                `load_activitynet`, `read_activitynet_results`
==============  ==============================================  ==============  =============

What is written is read back equal, but for these: times are rounded to the resolution named (a
segment that would have no length left is refused); labels come back as text, numbers too; EAF,
WebVTT and SRT keep a video's segments sorted by time. Times are taken to be seconds. Files appear
whole or not at all, and an existing one is replaced only with ``overwrite=True`` (the ActivityNet
functions, which are those of `sklearn_asn.datasets`, replace it always).
"""

from sklearn_asn._doclink import publish
from sklearn_asn.datasets import (
    load_activitynet,
    read_activitynet_results,
    write_activitynet_ground_truth,
    write_activitynet_results,
)
from sklearn_asn.interchange._csv import read_csv, write_csv
from sklearn_asn.interchange._eaf import read_eaf, write_eaf
from sklearn_asn.interchange._label_studio_config import label_studio_config
from sklearn_asn.interchange._label_studio_read import read_label_studio
from sklearn_asn.interchange._label_studio_write import write_label_studio
from sklearn_asn.interchange._srt import read_srt, write_srt
from sklearn_asn.interchange._via_read import read_via
from sklearn_asn.interchange._via_write import write_via
from sklearn_asn.interchange._vtt import read_vtt, write_vtt

__all__ = [
    "label_studio_config",
    "load_activitynet",
    "read_activitynet_results",
    "read_csv",
    "read_eaf",
    "read_label_studio",
    "read_srt",
    "read_via",
    "read_vtt",
    "write_activitynet_ground_truth",
    "write_activitynet_results",
    "write_csv",
    "write_eaf",
    "write_label_studio",
    "write_srt",
    "write_via",
    "write_vtt",
]

publish(__name__, __all__)
