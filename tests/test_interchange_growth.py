"""Hostile text is read, or refused, in time that grows with its length."""

import gc
import json
import time

import pytest

from sklearn_asn import Segments
from sklearn_asn.interchange import (
    read_audacity,
    read_boris,
    read_csv,
    read_dcase,
    read_eaf,
    read_label_studio,
    read_rttm,
    read_srt,
    read_textgrid,
    read_via,
    read_vtt,
    write_eaf,
)

VTT = "WEBVTT\n\n00:01.000 --> 00:02.000\n{}\n"
SRT = "1\n00:00:01,000 --> 00:00:02,000\n{}\n"
HOSTILE = {
    "<": "<{}", "<b>": "<b {}", "<b >": "<b >{}", "< >": "<>{}", "<<>": "{}<<>", "</": "</b{}",
    "&": "&{}", "&lt": "&lt{}", "&#": "&#{}", " ": " {}", "\n": "\n{}", "-": "--{}",
    "9": "9{}", "score": "x\nscore: 1{}", "nine.": "9.{}", "{": "{{{}", "\\r": "\r{}",
}  # fmt: skip


def repeated(form, n):
    """Return n copies of the pattern, one inside another or one after another."""
    return form.format("") * n


def seconds(read, path, make, n, times):
    path.write_bytes(make(n).encode())
    best = float("inf")
    for _ in range(times):
        start = time.process_time()
        try:
            read(path)
        except ValueError as error:
            assert path.name in str(error)  # noqa: PT017
        best = min(best, time.process_time() - start)
    return best


def grows_linearly(read, path, make, n=10_000):
    """Eight times the text may take 25 times as long, not 64; small times are noise.

    Python's search for cycles, which looks at all that the process holds, stands still meanwhile.
    """
    gc.disable()
    try:
        if seconds(read, path, make, 8 * n, times=1) < 0.5:
            return True  # whatever the small one takes
        small = seconds(read, path, make, n, times=2)
        large = seconds(read, path, make, 8 * n, times=2)
    finally:
        gc.enable()
    return large < max(25 * small, 0.5)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize(("read", "frame"), [(read_vtt, VTT), (read_srt, SRT)], ids=["vtt", "srt"])
def test_cues(tmp_path, read, frame, name):
    path = tmp_path / f"v.{'vtt' if read is read_vtt else 'srt'}"
    assert grows_linearly(read, path, lambda n: frame.format(repeated(HOSTILE[name], n)))


@pytest.mark.parametrize(("read", "start"), [(read_vtt, "WEBVTT\n\n"), (read_srt, "")])
@pytest.mark.parametrize("text", ["9", "9:", "00:", " ", "\n", "a\n\n", "-->", "00:01.000 --> "])
def test_times_of_cues(tmp_path, read, start, text):
    path = tmp_path / f"v.{'vtt' if read is read_vtt else 'srt'}"
    assert grows_linearly(read, path, lambda n: start + text * n)


def test_digits_that_python_refuses(tmp_path):
    """Over 4300 of them Python makes no number; the error is ours, with the line."""
    for read, text in [
        (read_vtt, VTT.format("&#" + "9" * 5000 + ";")),
        (read_vtt, VTT.replace("00:01.000", "9" * 5000 + ":00:01.000").format("a")),
        (read_srt, SRT.replace("00:00:01,000", "9" * 5000 + ":00:01,000").format("a")),
    ]:
        path = tmp_path / f"v.{'vtt' if read is read_vtt else 'srt'}"
        path.write_text(text)
        with pytest.raises(ValueError, match=rf"{path.name}, line [23]: "):
            read(path)


@pytest.mark.parametrize(
    "make",
    [
        lambda n: "video,label,start,end\n" + "a" * n,
        lambda n: "video,label,start,end\n" + '"' * n,
        lambda n: ",".join(["video", "label", "start", "end", *map(str, range(n))]),
        lambda n: "video,label,start,end\n" + "".join(f"{i},a,0,1\n" for i in range(n // 4)),
    ],
)
def test_csv(tmp_path, make):
    assert grows_linearly(read_csv, tmp_path / "y.csv", make)


def eaf(annotations, slots=""):
    return (
        '<ANNOTATION_DOCUMENT xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi:noNamespaceSchemaLocation="x" VERSION="3.0"><HEADER TIME_UNITS="milliseconds"/>'
        '<TIME_ORDER><TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="0"/>'
        f'<TIME_SLOT TIME_SLOT_ID="ts2" TIME_VALUE="1000000"/>{slots}</TIME_ORDER>'
        '<TIER LINGUISTIC_TYPE_REF="x" TIER_ID="top"><ANNOTATION><ALIGNABLE_ANNOTATION '
        'ANNOTATION_ID="a0" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2"><ANNOTATION_VALUE>top'
        "</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>"
        f"{annotations}</ANNOTATION_DOCUMENT>"
    )


def references(n, deep):
    """Annotations that refer to one another, or all to one."""
    rows = [
        f'<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a{i}" ANNOTATION_REF="a{i - 1 if deep else 0}"'
        f' PREVIOUS_ANNOTATION="a{i - 1}"><ANNOTATION_VALUE>x</ANNOTATION_VALUE></REF_ANNOTATION>'
        "</ANNOTATION>"
        for i in range(1, n + 1)
    ]
    return eaf(f'<TIER LINGUISTIC_TYPE_REF="x" PARENT_REF="top" TIER_ID="t">{"".join(rows)}</TIER>')


@pytest.mark.slow
@pytest.mark.parametrize("deep", [False, True])
def test_dependent_annotations(tmp_path, deep):
    pytest.importorskip("pympi")
    path = tmp_path / "v.eaf"

    def read(path):
        return read_eaf(path, tiers=["t"])

    assert grows_linearly(read, path, lambda n: references(n, deep), n=1000)
    path.write_text(references(3000, deep))
    assert read(path).lengths.tolist() == [3000]


def test_many_tiers(tmp_path):
    pytest.importorskip("pympi")

    def make(n):
        return eaf("".join(f'<TIER LINGUISTIC_TYPE_REF="x" TIER_ID="{i}"/>' for i in range(n)))

    assert grows_linearly(read_eaf, tmp_path / "v.eaf", make, n=1000)
    rows = [(f"t ({i})", float(i), i + 1.0) for i in range(100)]
    write_eaf(Segments.from_list([rows], ["v"]), tmp_path, overwrite=True)
    assert len(read_eaf(tmp_path, label_from="tier")[0]) == 100


@pytest.mark.slow
@pytest.mark.parametrize(
    ("read", "name", "start", "text"),
    [
        (read_textgrid, "v.TextGrid", '"ooTextFile" "TextGrid" 0 1 <exists> 1 ', text)
        for text in ('"', '""', '"a""', "<", "!", "! x\n", " 1", "1.", "\n", "a", '"a" ')
    ]
    + [
        (read_rttm, "v.rttm", "SPEAKER v 1 ", text)
        for text in ("9", " ", "<NA> ", "1 1 a a b c\nSPEAKER v 1 ")
    ]
    + [(read_rttm, "v.rttm", "SPEAKER v 1 0.", "1"), (read_audacity, "v.txt", "0\t1\t", "a\t")]
    + [(read_audacity, "v.txt", "", "0\t1\ta\n"), (read_dcase, "v.txt", "onset\toffset", "\ta")]
    + [(read_dcase, "v.txt", "", "v\t0\t1\ta\n"), (read_dcase, "v.txt", "", "\t")]
    + [(read_boris, "v.tsv", "Behavior\tTime\tStatus", "\ta"), (read_boris, "v.tsv", "", "a\n")]
    + [(read_boris, "v.tsv", "Observation id\tBehavior\tTime\tStatus", "\nv\ta\t1\tSTART")],
)
def test_lines(tmp_path, read, name, start, text):
    assert grows_linearly(read, tmp_path / name, lambda n: start + text * n, n=5_000)


def test_json_formats(tmp_path):
    def studio(n):
        ranges = [{"start": 1, "end": 2}] * n
        value = {"ranges": ranges, "timelinelabels": ["a", "b"]}
        region = {"type": "timelinelabels", "value": value}
        return json.dumps([{"data": {"video": "v"}, "annotations": [{"result": [region]}]}])

    def via(n):
        attribute = {"aname": "a", "anchor_id": "FILE1_Z2_XY0", "type": 2, "options": {"0": "x"}}
        entry = {"vid": "1", "z": [0, 1], "xy": [], "av": {"1": "0," * n}}
        return json.dumps(
            {
                "project": {"vid_list": ["1"]},
                "attribute": {"1": attribute},
                "file": {"1": {"fname": "v"}},
                "view": {"1": {"fid_list": [1]}},
                "metadata": {"1": entry},
            }
        )

    def read_studio(path):
        return read_label_studio(path, 25)

    assert grows_linearly(read_studio, tmp_path / "y.json", studio, n=1000)
    assert grows_linearly(read_via, tmp_path / "y.json", via, n=1000)
    assert grows_linearly(read_via, tmp_path / "y.json", lambda n: "[" * n)
