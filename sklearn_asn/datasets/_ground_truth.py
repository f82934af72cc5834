"""One reader for the forms in which the field passes ground truth on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from sklearn_asn._checks import as_path
from sklearn_asn._data.convert import as_labels
from sklearn_asn._data.invalid import check_on_invalid, settle
from sklearn_asn._data.packed import offsets_from_lengths
from sklearn_asn._data.segments import Segments
from sklearn_asn._typing import OnInvalid, OnMissingOrEmpty
from sklearn_asn.datasets._ground_truth_json import JSON_FORMS
from sklearn_asn.datasets._ground_truth_text import read_charades_csv, read_class_files
from sklearn_asn.datasets._ground_truth_wtalc import is_wtalc, read_wtalc
from sklearn_asn.datasets._reading import Entry, File, Truth, choose, read_json

Reader = Callable[[Any, Path], Truth]

FORMS = (
    "ActivityNet's JSON (also BaS-Net's gt.json), BSN's anet_anno_action.json, Charades' CSV or "
    "JSON, a folder of THUMOS or MultiTHUMOS text files, or W-TALC's folder of .npy files"
)


def load_ground_truth(
    path: File,
    *,
    subset: str | None = None,
    videos: Iterable[str] | None = None,
    on_missing: OnMissingOrEmpty = "raise",
    on_invalid: OnInvalid = "raise",
    tolerance: float = 0.5,
    allow_pickle: bool = False,
) -> Bunch:
    """Load ground truth in whichever of the field's forms it is.

    ====================== =========================================================================
    ``format``             What is recognised
    ====================== =========================================================================
    ``"activitynet"``      JSON, ``{"database": {id: {"annotations": [{"label", "segment"}]}}}``:
                           ActivityNet's own and what is written like it, ActionFormer's, and the
                           ``gt.json`` of BaS-Net and its kin, with times as strings and without
                           ``duration`` or ``subset``.
    ``"bsn"``              ``anet_anno_action.json`` of BSN and BMN: ``{id: {"duration_second",
                           "annotations": [...]}}``.
    ``"actions"``          ``charades.json`` and ``multithumos.json``: ``{id: {"subset", "duration",
                           "actions": [[class, start, end]]}}``.
    ``"charades"``         ``Charades_v1_train.csv``: columns ``id``, ``length`` and ``actions``
                           (``"c092 11.90 21.20;c147 0.00 12.60"``).
    ``"thumos"``           A folder with one text file a class (``Walk.txt``, ``Diving_test.txt``),
                           lines "video start end", there or in ``annotations`` below; as
                           MultiTHUMOS and THUMOS have them. Classes are those of
                           ``class_list.txt`` (``detclasslist.txt``) where there is one. The
                           subset is what the ids say (``video_test_...``). THUMOS' Ambiguous
                           files are no class: `load_thumos14_annotations` reads them.
    ``"wtalc"``            W-TALC's folder: ``videoname.npy``, ``segments.npy``, ``labels.npy``,
                           ``subset.npy``, ``duration.npy``, ``classlist.npy``. Needs
                           `allow_pickle`.
    ====================== =========================================================================

    Parameters
    ----------
    path : path
        File or folder.
    subset : str or None, default=None
        Which videos, as the file writes it. None: all.
    videos : iterable of str, default=None
        Ids in the order wanted, of that subset. None: all, in the file's order.
    on_missing : {"raise", "drop", "empty"}, default="raise"
        What becomes of one of `videos` that is not in the file or the subset: an error, left
        out with a warning, or an entry without segments (duration NaN, subset "").
    on_invalid : {"raise", "drop", "clip"}, default="raise"
        What becomes of segments with ``start >= end``, a negative start, or an end more than
        `tolerance` beyond the duration, where that is known: an error that lists them, left out
        with a warning, or cut to the video with a warning (and left out where nothing is left).
    tolerance : float, default=0.5
        Seconds that a segment may end after its video; it is kept as it is.
    allow_pickle : bool, default=False
        Whether to read W-TALC's pickles: **a pickle can run any code that its maker put in it**,
        so say True only of files that you trust.

    Returns
    -------
    Bunch
        - ``y`` : `Segments`, shape (n_videos,), in seconds; labels are strings, or integers where
          the file has numbers.
        - ``labels`` : list of sets, what the videos contain, segments left out included.
        - ``duration`` : float array (NaN: not known), ``subset`` : array of str ("": not known),
          both of shape (n_videos,).
        - ``classes`` : array, the labels of the whole file, sorted, or in the order of the list of
          classes that lies with it. ``format`` : str, which form it is.

    Raises
    ------
    FileNotFoundError
        `path` is not there.
    ValueError
        It has none of the forms, is malformed or damaged (the message names the place), has
        invalid segments, or needs `allow_pickle`; `videos` are missing.

    See Also
    --------
    load_activitynet : The strict reader of ActivityNet's form.
    load_thumos14_annotations : THUMOS14 with its Ambiguous segments and table of videos.
    read_table : Everybody else's CSV and TSV.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_asn.datasets import load_ground_truth
    >>> text = '''{"database": {"v1": {"annotations":
    ...     [{"label": "Diving", "segment": ["1", "2.5"]}]}}}'''
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "gt.json").write_text(text)
    ...     data = load_ground_truth(Path(folder) / "gt.json")
    >>> data.format, data.y[0]
    ('activitynet', [Segment(label='Diving', start=1.0, end=2.5, score=nan)])
    """
    check_on_invalid(on_invalid, tolerance)
    path = as_path(path)
    truth = _read(path, bool(allow_pickle))
    entries = truth.entries
    known = [v for v, entry in entries.items() if subset in (None, entry.subset)]
    if not known:
        found = sorted({entry.subset for entry in entries.values() if entry.subset})
        raise ValueError(f"{path} has no videos of subset={subset!r}; it has {found or 'none'}.")
    where = str(path) if subset is None else f"{subset} of {path}"
    ids = choose(known, videos, where, on_missing, may_be_empty=True)
    available, nothing = set(known), Entry("", np.nan, [])
    mine = [entries[v] if v in available else nothing for v in ids]
    duration = np.array([entry.duration for entry in mine], dtype=np.float64)
    every = as_labels(
        [row.label for entry in entries.values() for row in entry.rows], f"{path}: labels"
    )
    return Bunch(
        y=_pack(mine, ids, duration, str(path), on_invalid, tolerance, every.dtype),
        labels=[{row.label for row in entry.rows} for entry in mine],
        duration=duration,
        subset=np.array([entry.subset for entry in mine], np.str_),
        classes=np.unique(every) if truth.classes is None else np.array(truth.classes),
        format=truth.form,
    )


def _read(path: Path, allow_pickle: bool) -> Truth:
    """Recognise the form, and read it."""
    if path.is_dir():
        return read_wtalc(path, allow_pickle) if is_wtalc(path) else read_class_files(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing.")
    with open(path, "rb") as file:
        start = file.read(1024).removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith((b"{", b"[")):
        content = read_json(path)
        for recognises, read in JSON_FORMS:
            if recognises(content):
                return read(content, path)
        hint = " It holds detections: read_activitynet_results reads them."
        detections = isinstance(content, dict) and "results" in content
        raise ValueError(
            f"{path} is JSON of no known form.{hint if detections else ''} Known are: {FORMS}."
        )
    if b"actions" in start.split(b"\n")[0]:
        return read_charades_csv(path)
    raise ValueError(
        f"{path} has no known form. Known are: {FORMS}. read_table reads other tables."
    )


def _pack(
    entries: list[Entry],
    ids: list[str],
    duration: Any,
    path: str,
    on_invalid: OnInvalid,
    tolerance: float,
    kind: Any,
) -> Segments:
    rows = [row for entry in entries for row in entry.rows]
    video = np.repeat(np.arange(len(ids)), [len(entry.rows) for entry in entries])
    times = np.array([row[2:] for row in rows], dtype=np.float64).reshape(-1, 2)

    def name(i: int) -> str:
        return f"{rows[i].where} [{times[i, 0]:g}, {times[i, 1]:g}]"

    what = f"segments of {path}"
    high = duration[video]
    keep, start, end = settle(
        times[:, 0], times[:, 1], name, what, on_invalid, high=high, tolerance=tolerance
    )
    label = np.array([row.label for row in rows], dtype=kind)[keep]
    offsets = offsets_from_lengths(np.bincount(video[keep], minlength=len(ids)))
    return Segments(offsets, label, start[keep], end[keep], ids=ids)
