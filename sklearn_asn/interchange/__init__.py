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
BORIS           `write_boris`, `read_boris`                     for all videos  exact
Praat           `write_textgrid`, `read_textgrid`               a video         exact
Audacity        `write_audacity`, `read_audacity`               a video         exact
RTTM            `write_rttm`, `read_rttm`                       for all videos  millisecond
DCASE           `write_dcase`, `read_dcase`                     for all videos  exact
sed_eval        `to_sed_eval`, `from_sed_eval`                  dicts a video   exact
pyannote.core   `to_pyannote`, `from_pyannote`                  an object a     exact
                                                                video
FiftyOne        `write_fiftyone`, `read_fiftyone`,              for all videos  exact
                `to_fiftyone`, `from_fiftyone`                  an object a     frame
                                                                video
THUMOS'14       `write_thumos14_results`,                       for all videos  exact
                `read_thumos14_results`,
                `write_thumos14_annotations`,                   a class         exact
                `load_thumos14_annotations`
ActivityNet     `write_activitynet_ground_truth`,               for all videos  exact
                `write_activitynet_results`,
                `load_activitynet`, `read_activitynet_results`
==============  ==============================================  ==============  =============

What is written is read back equal, but for these: times are rounded to the resolution named (a
segment that would have no length left is refused); labels come back as text, numbers too; EAF,
WebVTT, SRT, TextGrid and BORIS keep a video's segments sorted by time; formats that have no place
for scores refuse them, unless ``drop_scores=True``. Times are taken to be seconds. Files appear
whole or not at all, and an existing one is replaced only with ``overwrite=True`` (the ActivityNet
functions, which are those of `sklearn_asn.datasets`, replace it always).

A segment without a label, or whose times cannot be, is an error that names the file and the line or
key; with ``on_invalid="drop"`` or ``"clip"`` it is left out, or cut, with a warning.
"""

from sklearn_asn._doclink import publish
from sklearn_asn.datasets import (
    load_activitynet,
    load_thumos14_annotations,
    read_activitynet_results,
    write_activitynet_ground_truth,
    write_activitynet_results,
)
from sklearn_asn.interchange._audacity import read_audacity, write_audacity
from sklearn_asn.interchange._boris_read import read_boris
from sklearn_asn.interchange._boris_write import write_boris
from sklearn_asn.interchange._csv import read_csv, write_csv
from sklearn_asn.interchange._dcase import read_dcase, write_dcase
from sklearn_asn.interchange._eaf import read_eaf, write_eaf
from sklearn_asn.interchange._fiftyone import (
    from_fiftyone,
    read_fiftyone,
    to_fiftyone,
    write_fiftyone,
)
from sklearn_asn.interchange._label_studio_config import label_studio_config
from sklearn_asn.interchange._label_studio_read import read_label_studio
from sklearn_asn.interchange._label_studio_write import write_label_studio
from sklearn_asn.interchange._pyannote import from_pyannote, to_pyannote
from sklearn_asn.interchange._rttm import read_rttm, write_rttm
from sklearn_asn.interchange._sed_eval import from_sed_eval, to_sed_eval
from sklearn_asn.interchange._srt import read_srt, write_srt
from sklearn_asn.interchange._textgrid_read import read_textgrid
from sklearn_asn.interchange._textgrid_write import write_textgrid
from sklearn_asn.interchange._thumos14 import (
    read_thumos14_results,
    write_thumos14_annotations,
    write_thumos14_results,
)
from sklearn_asn.interchange._via_read import read_via
from sklearn_asn.interchange._via_write import write_via
from sklearn_asn.interchange._vtt import read_vtt, write_vtt

__all__ = [
    "from_fiftyone",
    "from_pyannote",
    "from_sed_eval",
    "label_studio_config",
    "load_activitynet",
    "load_thumos14_annotations",
    "read_activitynet_results",
    "read_audacity",
    "read_boris",
    "read_csv",
    "read_dcase",
    "read_eaf",
    "read_fiftyone",
    "read_label_studio",
    "read_rttm",
    "read_srt",
    "read_textgrid",
    "read_thumos14_results",
    "read_via",
    "read_vtt",
    "to_fiftyone",
    "to_pyannote",
    "to_sed_eval",
    "write_activitynet_ground_truth",
    "write_activitynet_results",
    "write_audacity",
    "write_boris",
    "write_csv",
    "write_dcase",
    "write_eaf",
    "write_fiftyone",
    "write_label_studio",
    "write_rttm",
    "write_srt",
    "write_textgrid",
    "write_thumos14_annotations",
    "write_thumos14_results",
    "write_via",
    "write_vtt",
]

publish(__name__, __all__)
