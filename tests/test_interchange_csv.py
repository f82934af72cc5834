"""CSV: the text itself, and text that is damaged."""

import csv

import numpy as np
import pandas as pd
import pytest

from sklearn_asn import Segments
from sklearn_asn.interchange import read_csv, write_csv

HEAD = "video,label,start,end,score\n"


def read(tmp_path, text, **options):
    (tmp_path / "y.csv").write_text(text, newline="")
    return read_csv(tmp_path / "y.csv", **options)


def test_text(tmp_path):
    y = Segments.from_list([[("a, b", 0.1, 0.30000000000000004, 1e-7), ("c", 1.0, 2.0)]], ids="v")
    write_csv(y, tmp_path / "y.csv")
    text = (tmp_path / "y.csv").read_text()
    assert text == HEAD + 'v,"a, b",0.1,0.30000000000000004,1e-07\nv,c,1.0,2.0,\n'
    frame = pd.read_csv(tmp_path / "y.csv", converters={"start": float, "end": float})
    assert frame.columns.tolist() == ["video", "label", "start", "end", "score"]
    assert np.isnan(frame["score"][1])
    assert Segments.from_frame(frame) == y


def test_lone_carriage_return_is_quoted(tmp_path):
    y = Segments.from_list([[("a\rb", 0.0, 1.0)]], ids=["v"])
    write_csv(y, tmp_path / "y.csv")
    with open(tmp_path / "y.csv", newline="") as file:
        assert list(csv.reader(file))[1] == ["v", "a\rb", "0.0", "1.0", ""]


def test_formulas(tmp_path):
    labels = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "\nx", "'x", "\uff1d1", "run", "a=1"]
    y = Segments.from_list([[(label, 0.0, 1.0) for label in labels]], ids=["=v"])
    write_csv(y, tmp_path / "y.csv")
    assert read_csv(tmp_path / "y.csv") == y
    write_csv(y, tmp_path / "y.csv", spreadsheet_safe=True, overwrite=True)
    frame = pd.read_csv(tmp_path / "y.csv", engine="python")
    assert frame["video"].unique().tolist() == ["'=v"]
    assert frame["label"].str.startswith("'").tolist() == [True] * 9 + [False] * 2
    assert read_csv(tmp_path / "y.csv", spreadsheet_safe=True) == y


def test_positions(tmp_path):
    y = Segments.from_list([[], [("run", 0.0, 1.0)], []])
    write_csv(y, tmp_path / "y.csv")
    assert read_csv(tmp_path / "y.csv", videos=3) == y
    assert read_csv(tmp_path / "y.csv").ids.tolist() == ["1"]
    with pytest.raises(ValueError, match=r"y.csv, line 2: video is '1'; expected a position below"):
        read_csv(tmp_path / "y.csv", videos=1)
    for text in ("a", "01", "-1", "9" * 5000):  # "01" would take the place of "1"
        with pytest.raises(ValueError, match=r"line 2: video is '.*; expected a position"):
            read(tmp_path, HEAD + f"{text},run,0,1,\n", videos=2)


def test_other_tables(tmp_path):
    expected = Segments.from_list([[("run", 0.0, 1.5)]], ids=["a"])
    assert read(tmp_path, "\ufeffend,x,video,label,start\r\n1.5,?,a,run,0\r\n\r\n") == expected
    assert read(tmp_path, "video,label,start,end\na,run,0,1.5") == expected
    assert len(read(tmp_path, HEAD)) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: expected one column each named video, label, start, end"),
        ("video,label,start\n", "line 1: expected one column each named end"),
        ("video,label,label,start,end\n", "line 1: expected one column each named label"),
        (HEAD + "a,run,0,1\n", "line 2: 4 fields; expected 5"),
        (HEAD + 'a,"r\nun",0,1,\na,run,0,x,\n', "line 4: end is 'x'; expected a number"),
        (HEAD + "a,run,,1,\n", "line 2: start is ''; expected a number"),
        (HEAD + "a,run,0,1,high\n", "line 2: score is 'high'; expected a number"),
        (HEAD + "a,run,0,1,inf\n", "line 2: the score is infinite"),
        (HEAD + "a,run,1,1,\n", "line 2: expected finite times with start < end, got 1.0, 1.0"),
        (HEAD + "a,run,0,nan,\n", "line 2: expected finite times with start < end, got 0.0, nan"),
        (HEAD + 'a,"run,0,1,\n', "line 2: no CSV"),
        (HEAD + 'a,"run"x,0,1,\n', "line 2: no CSV"),
    ],
)
def test_damaged(tmp_path, text, message):
    with pytest.raises(ValueError, match=f"y.csv, {message}"):
        read(tmp_path, text)
