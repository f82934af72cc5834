"""The formats of `sklearn_asn.interchange` for the tests, and segments that each can hold."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from sklearn_asn import Segments
from sklearn_asn import interchange as ic

FPS = 25
#: Text that the formats escape, quote or mistake for their own.
HARD = ("-->", "--->", "0 --> 1", "a & b", "&lt;", "&amp;lt;", "&#62;", "&nbsp;", "<b>", "a>b")
HARD += ("<c.x>y</c>", "<i>x</i>", "{\\an8}", "a,b", '"q"', "score: 1", "WEBVTT", "NOTE", "é")
HARD += ("1", "NA", "nan", "=1+1", "run", "jump", "run (2)", "score@run", "00:00:00.000 --> 00:01")
LOOSE = (" ", " x ", "\r", "\n\n", "a\r\nb", "a\tb")
ANY = st.characters(exclude_categories=["Cs"])
LINED = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])
TEXT = st.text(ANY, min_size=1, max_size=8).filter(lambda t: t[-1] != "\0") | st.sampled_from(
    HARD + LOOSE
)
LINE = st.text(LINED, min_size=1, max_size=8).filter(lambda t: t == t.strip())
LINE |= st.sampled_from(HARD)
XML = TEXT.filter(lambda t: all(c in "\t\n" or (c >= " " and c not in "\ufffe\uffff") for c in t))
SHOWN = TEXT.filter(lambda t: t.strip())
WORD = LINE.filter(lambda t: t.split() == [t])
SCORE = st.just(float("nan")) | st.floats(allow_nan=False, allow_infinity=False)


class Format(NamedTuple):
    write: Callable
    read: Callable
    path: str
    labels: st.SearchStrategy
    resolution: int | None = None  # ticks a second
    sorts: bool = False
    ties: bool = False  # whether segments alike in time may change places
    one_file: bool = True
    scored: bool = True  # whether it has a place for scores
    suffix: str = ""  # of the files, where it is not the format's name
    empty: bool = True  # whether it keeps videos without segments


def _label_studio(framerate):
    def write(y, path, **options):
        ic.write_label_studio(y, path, framerate, as_predictions=True, **options)

    return write, partial(ic.read_label_studio, framerate=framerate, source="predictions")


FORMATS = {
    "csv": Format(ic.write_csv, ic.read_csv, "y.csv", TEXT),
    "eaf": Format(ic.write_eaf, ic.read_eaf, "eaf", XML, 1000, True, True, False),
    "timeline": Format(*_label_studio(FPS), "y.json", TEXT, FPS),
    "audio": Format(*_label_studio(None), "y.json", TEXT),
    "via": Format(ic.write_via, ic.read_via, "y.json", TEXT),
    "vtt": Format(ic.write_vtt, ic.read_vtt, "vtt", LINE, 1000, True, True, False),
    "srt": Format(ic.write_srt, ic.read_srt, "srt", LINE, 1000, True, True, False),
    "audacity": Format(
        ic.write_audacity, ic.read_audacity, "labels", LINE, one_file=False, scored=False,
        suffix="txt",
    ),
    "textgrid": Format(
        ic.write_textgrid, ic.read_textgrid, "grids", SHOWN, None, True, True, False, False,
        "TextGrid",
    ),
    "boris": Format(
        ic.write_boris, ic.read_boris, "y.tsv", LINE, None, True, scored=False, empty=False
    ),
    "boris, commas": Format(
        ic.write_boris, ic.read_boris, "y.csv", LINE, None, True, scored=False, empty=False
    ),
    "rttm": Format(ic.write_rttm, ic.read_rttm, "y.rttm", WORD, 1000, empty=False),
    "fiftyone": Format(ic.write_fiftyone, ic.read_fiftyone, "labels.json", TEXT),
    "dcase": Format(ic.write_dcase, ic.read_dcase, "y.txt", LINE, scored=False),
}  # fmt: skip
NAMED = [name for name, form in FORMATS.items() if not form.one_file]


@st.composite
def segments(draw, form):
    """Return segments that the format holds exactly."""
    if form.resolution:
        ticks = st.integers(0, 40) | st.integers(0, 10**7)
        time = ticks.map(lambda n: n / form.resolution)
    else:
        time = st.floats(0, 1e6) | st.integers(0, 40).map(float)
    span = st.tuples(time, time).map(sorted).filter(lambda t: t[0] < t[1])
    labels = draw(st.lists(form.labels, min_size=1, max_size=4))
    score = SCORE if form.scored else st.just(float("nan"))
    row = st.builds(lambda label, t, s: (label, *t, s), st.sampled_from(labels), span, score)
    videos = draw(st.lists(st.lists(row, max_size=8), min_size=1, max_size=4))
    ids = st.text("abc_-.1é ", min_size=1, max_size=6).filter(lambda v: v.strip(". "))
    if form.labels in (WORD, LINE) and form.one_file:  # what a field holds
        ids = ids.filter(lambda v: v == v.strip() and (form.labels is LINE or v.split() == [v]))
    names = draw(st.lists(ids, min_size=len(videos), max_size=len(videos), unique=True))
    return Segments.from_list(videos, names)


def as_text(y):
    return Segments(y.offsets, y.label.astype(str), y.start, y.end, y.score, y.ids)


def by_time(y):
    """Sort the segments of every video by all that they have."""
    text = [[(str(s.label), *s[1:]) for s in video] for video in y]
    key = lambda s: (s[1], s[2], s[0], np.isnan(s[3]), 0 if np.isnan(s[3]) else s[3])  # noqa: E731
    return Segments.from_list([sorted(video, key=key) for video in text], y.ids)
