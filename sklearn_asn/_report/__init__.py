"""One self-contained HTML page that shows what a localizer finds, video by video."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sklearn_asn._checks import as_path, check_count
from sklearn_asn._data.supervision import check_inside
from sklearn_asn._data.targets import Targets, check_comparable, parse_beside
from sklearn_asn._doclink import public
from sklearn_asn._inspect import unwrap
from sklearn_asn._report._collect import Collected, collect, open_source
from sklearn_asn._report._inline import shown_inline
from sklearn_asn._report._media import link_videos
from sklearn_asn._report._page import MARK, render
from sklearn_asn._report._write import check_target, write_page

__all__ = ["report"]


@public("sklearn_asn")
def report(
    estimator: Any,
    X: Any,
    y: Any = None,
    path: str | os.PathLike[str] = "report.html",
    videos: Sequence[Any] | Mapping[str, Any] | None = None,
    *,
    title: str | None = None,
    max_points: int = 1000,
    overwrite: bool = False,
    width: int | str = "100%",
    height: int | str = 720,
) -> Path:
    """Write one HTML file that shows what a fitted localizer finds in videos.

    The page says what the model is and how it scores, lists the videos in a table that can be
    sorted and filtered, and draws for each video attention, CAS, predicted and true segments on
    one time axis. A slider hides segments below a score, and says precision and recall of the rest.
    Segments can be accepted, moved, marked as wrong and added; what is so corrected is saved as CSV
    or for Label Studio. Nothing is loaded from a network; a content security policy forbids it,
    except for the media files in `videos`.

    Parameters
    ----------
    estimator : fitted ASNLocalizer (or one of `sklearn_asn.rivals`), or Pipeline that ends in one
        The last step sees what the steps before it make of `X`.
    X : Clips, list of arrays, 3-D array, or 2-D array
        As `predict` takes it. The CAS is computed for a block of videos at a time.
    y : Segments, list of lists of segments, or labels, default=None
        Ground truth in any form that `fit` takes. Segments are drawn and scored (mAP); of labels
        alone, only the video-level scores can be judged.
    path : path, default="report.html"
        File to write; its folder is made where missing.
    videos : sequence or dict, default=None
        The media file of every video, a path or an http(s) or file URL: one entry a video (None:
        no file), or a dict from ids to files, which may leave videos out. Segments then seek in
        it, and frames of it are shown at their middle. Paths must lead to files. Those below the
        report's folder are linked relatively, so that the folder may be moved; others absolutely.
        Needs timing in X (``Clips(..., clip_seconds=...)``).
    title : str, default=None
        Heading; None names the estimator.
    max_points : int, default=1000
        Numbers kept of a curve for drawing, at least 50: a longer one is drawn by the minimum and
        maximum of each of ``max_points // 2`` columns. Past 3,000 videos, fewer (3,000,000 a
        page, but at least 50 a curve).
    overwrite : bool, default=False
        Replace any file. A report is replaced anyway; False protects other files.
    width, height : int or str, default="100%" and 720
        Size of the page in a notebook: pixels, or a length of CSS.

    Returns
    -------
    Path
        The file. At the end of a notebook's cell it shows the page (of up to 20 MB; linked files
        play in the file only).

    Raises
    ------
    ValueError
        The estimator is not a localizer or not fitted (`NotFittedError`), or `y` or `videos` does
        not correspond to `X`.
    FileNotFoundError
        A path in `videos` leads to no file. Nothing is computed or written.
    FileExistsError
        `path` exists and is not a report, and `overwrite` is False.

    Notes
    -----
    Of each video at most 8 classes are drawn, those with segments first, then the most probable,
    and at most 300 predicted (the best) and 300 true segments; the page says where more exist.

    The CSV that the page saves is read by `sklearn_asn.interchange.read_csv`, and the other file by
    `sklearn_asn.interchange.read_label_studio`; both hold the videos that were marked as done. With
    their ids as those of `X`, ``fit(X, y, timed=...)`` learns from them (see the guide on a few
    videos with times).

    Examples
    --------
    >>> import tempfile
    >>> from sklearn_asn import ASNLocalizer
    >>> from sklearn_asn.datasets import make_untrimmed_videos
    >>> from sklearn_asn import report
    >>> X, y = make_untrimmed_videos(n_videos=20, random_state=0)
    >>> localizer = ASNLocalizer("temporal", max_epochs=2, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report(localizer, X, y, f"{folder}/report.html").name
    'report.html'
    """
    path = as_path(path)
    check_target(path, MARK, overwrite)
    shown = shown_inline(path, width, height)
    check_count(max_points, "max_points")
    if max_points < 50:
        raise ValueError(f"max_points={max_points}; expected at least 50.")
    earlier, localizer = unwrap(estimator)
    source = open_source(X)
    targets = None if y is None else _check_targets(y, source.timing, localizer.classes_)
    ids = source.timing.ids
    if ids is None and targets is not None and targets.segments is not None:
        ids = targets.segments.ids
    names = None if ids is None else [str(name) for name in ids.tolist()]
    timed = source.timing.clip_seconds is not None
    links = link_videos(videos, len(source.timing), names, path.parent, timed=timed)
    found: Collected = collect(earlier, localizer, source, targets, names, max_points)
    heading = f"{type(localizer).__name__} report" if title is None else str(title)
    write_page(path, render(found, earlier, localizer, links, heading))
    return shown


def _check_targets(y: Any, timing: Any, classes: Any) -> Targets:
    """Read `y`, which must be of the videos and the kind of classes at hand."""
    targets = parse_beside(y, len(timing), timing)
    if len(targets.label):
        check_comparable(targets.label, classes)
    if targets.segments is not None:
        check_inside(targets.segments, timing)
    return targets
