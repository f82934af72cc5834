"""`read_table`: everybody else's CSV and TSV."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_asn.datasets import read_table
from sklearn_asn.datasets._times import clock_seconds, number_of

EXPECTED = {"a": [("run", 1.5, 2.5), ("jump run", 62.0, 64.25)], "b": [("run", 0.0, 9.0)]}


def write(folder, text):
    path = folder / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def times(y):
    return {v: [s[:3] for s in found] for v, found in zip(y.ids, y, strict=True)}


@pytest.mark.parametrize(
    ("text", "kwargs"),
    [
        ("video,label,start,end\na,run,1.5,2.5\na,jump run,62,64.25\nb,run,0,9\n", {}),
        ("Video;LABEL;Start;End\r\na;run;1,5;2,5\r\na;jump run;62;64,25\r\nb;run;0;9\r\n", {}),
        (
            "\ufefffilename\tonset\toffset\tevent_label\na\t1.5\t2.5\trun\n"
            "a\t62\t64.25\tjump run\nb\t0\t9\trun\n",
            {},
        ),
        (
            "narration_id,video_id,start_timestamp,stop_timestamp,narration,verb\n"
            'x0,a,00:00:01.50,00:00:02.500,"run, then",run\n'
            "x1,a,00:01:02.00,00:01:04.25,n,jump run\nx2,b,00:00:00,00:00:09,n,run\n",
            {"columns": {"label": "verb"}},
        ),
        (
            "a 1500 2500 run _\na 62000 64250 jump run\nb 0 9000 run _\n",
            {"sep": " ", "unit": "ms", "columns": {"video": 0, "start": 1, "end": 2, "label": 3}},
        ),
        (
            "File|From|To|What|Who\na|45|75|run|\na|1860|1927.5|jump|run\nb|0|270|run|\n",
            {
                "unit": "frames",
                "fps": {"a": 30.0, "b": 30.0},
                "columns": {"start": "FROM", "end": "to", "label": ["What", "who"]},
            },
        ),
    ],
)
def test_forms(tmp_path, text, kwargs):
    y = read_table(write(tmp_path, text), **kwargs)
    expected = EXPECTED
    if kwargs.get("sep") == " ":
        expected = EXPECTED | {"a": [EXPECTED["a"][0], ("jump", 62.0, 64.25)]}
    assert times(y) == expected
    assert np.isnan(y.score).all()


def test_scores_and_order(tmp_path):
    path = write(tmp_path, "video,label,start,end,score\nb,x,1,2,.5\na,x,1,2,\nb,y,0,1,1e-3\n")
    y = read_table(path)
    assert y.ids.tolist() == ["b", "a"]
    np.testing.assert_array_equal(y.score, [0.5, 1e-3, np.nan])
    y = read_table(path, videos=["c", "a", "b"])
    assert y.lengths.tolist() == [0, 1, 2]
    assert y.label.tolist() == ["x", "x", "y"]
    with pytest.raises(ValueError, match=r"1 videos of .* not in `videos`: b"):
        read_table(path, videos=["a"])
    with pytest.warns(UserWarning, match="Left out: 1 videos"):
        assert read_table(path, videos=["a"], on_missing="drop").lengths.tolist() == [1]


def test_dcase_files_without_events(tmp_path):
    text = "filename\tonset\toffset\tevent_label\nq.wav\t\t\t\na.wav\t1\t2\tDog\n"
    y = read_table(write(tmp_path, text))
    assert times(y) == {"q.wav": [], "a.wav": [("Dog", 1, 2)]}


def test_what_is_missing_or_cannot_be(tmp_path):
    rows = "a,run,1,2\na,run,3,3\na,,4,5\na,run,,6\na,run,-1,2\na,run,8,12\n"
    path = write(tmp_path, "video,label,start,end\n" + rows)
    with pytest.raises(ValueError, match=r"4 segments .*line 3 \('a', 'run', '3', '3'\), line 4"):
        read_table(path)
    with pytest.warns(UserWarning, match="Left out: 5 segments"):
        y = read_table(path, on_invalid="drop", duration=10.0, tolerance=1)
    assert times(y) == {"a": [("run", 1, 2)]}
    with pytest.warns(UserWarning, match=r"Cut to their video: 2 .* Left out: 3"):
        y = read_table(path, on_invalid="clip", duration={"a": 10.0}, tolerance=1)
    assert times(y) == {"a": [("run", 1, 2), ("run", 0, 2), ("run", 8, 10)]}
    assert "" not in y.label


@pytest.mark.parametrize(
    ("text", "kwargs", "match"),
    [
        ("", {}, "is empty"),
        ("video\na\n", {}, "none of .* separates 'video'"),
        (
            "video,start,end\na,1,2\n",
            {},
            r"no column for 'label' among \['video', 'start', 'end'\]",
        ),
        ("video,label,action,start,end\n", {}, "2 columns for 'label'"),
        ("video,label,start,end\na,x,1\n", {}, r"line 2: 3 cells; 'end' is in cell 3"),
        ("video,label,start,end\n,x,1,2\n", {}, "no video in the lines 2"),
        ("video,label,start,end\na,x,1_0,20\n", {}, "line 2, start: '1_0' is no number"),
        ("video,label,start,end\na,x,nan,20\n", {}, "line 2, start: 'nan' is no number"),
        ("video,label,start,end\na,x,1:75,20:00\n", {}, "line 2, start: '1:75' is no time"),
        ("video,label,start,end\na,x,1:00,70\n", {}, "both clocks .* and numbers"),
        ("video,label,start,end\na,x,1:00,2:00\n", {"unit": "ms"}, "unit='ms' makes none"),
        ("video;label;start;end\na;x;1.000,5;2\n", {}, "is no number"),
        ("a,b\n", {"columns": {"video": 0}}, "without a header all of them are needed"),
        ("a,b\n", {"columns": {"video": 0, "label": "b"}}, "not both"),
        ("a,b\n", {"columns": {"what": "b"}}, "columns has the keys"),
        ("a,b\n", {"columns": {"start": ["a", "b"]}}, "must name one column"),
        ("video,label,start,end\n", {"columns": {"label": "verb"}}, "no column 'verb'"),
        ("video,label,start,end\n", {"unit": "frames"}, "needs fps"),
        ("video,label,start,end\n", {"unit": "hours"}, "unit='hours'; expected"),
        ("video,label,start,end\n", {"sep": ",,"}, "expected one character"),
        (b"video,label\xff,start,end\n", {}, "line 1: not UTF-8"),
    ],
)
def test_malformed(tmp_path, text, kwargs, match):
    with pytest.raises(ValueError, match=match):
        read_table(write(tmp_path, text), **kwargs)


def test_only_a_header_is_no_videos(tmp_path):
    y = read_table(write(tmp_path, "video,label,start,end\n"))
    assert len(y) == 0
    assert len(read_table(write(tmp_path, "video,label,start,end\n"), videos=["a"])) == 1


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_clocks(hours, minutes, seconds, thousandths):
    text = f"{hours:02d}:{minutes:02d}:{seconds:02d}.{thousandths:03d}"
    expected = 3600 * hours + 60 * minutes + seconds + thousandths / 1000
    assert clock_seconds(text) == pytest.approx(expected, abs=1e-9)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers(value):
    assert number_of(repr(value)) == value


@pytest.mark.parametrize("text", ["", "nan", "inf", "1_0", "0x1", "\u0661", "1,5", "1 2", "--1"])
def test_no_numbers(text):
    with pytest.raises(ValueError, match="is no number"):
        number_of(text)
