"""Praat: TextGrids as three libraries read and write them, other forms of them, and damage."""

import pytest
from helpers.interchange import FORMATS, segments
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_asn import Segments
from sklearn_asn.interchange import read_textgrid, write_textgrid

Y = Segments.from_list(
    [[("run", 0.5, 2.0), ("run", 1.0, 3.0), ('say "hi"', 0.1, 0.30000000000000004)]], ids=["v"]
)
SHORT = """File type = "ooTextFile"
Object class = "TextGrid"

0
2.3
<exists>
2
"IntervalTier"
"Mary"
0
2.3
3
0
0.5
""
0.5
1.5
"hello ""you""
there"
1.5
2.3
" "
"TextTier"
"bell"
0
2.3
1
1.2
"ding"
"""
WILD = """"ooTextFile"
"TextGrid"
! a comment with "quotes"
from 0 seconds to 2.3 seconds tiers? <exists>
2 tiers [17]:
"IntervalTier" "Mary" from 0 to 2.3 with 3 parts: 0 to 0.5 "" 0.5 1.5 "hello ""you""\nthere"
1.5 2.3 " " then "TextTier" "bell" 0 2.3 1 1.2 "ding"
"""


def put(tmp_path, text):
    (tmp_path / "v.TextGrid").write_bytes(text.encode() if isinstance(text, str) else text)
    return tmp_path / "v.TextGrid"


@pytest.mark.parametrize(
    "text", [SHORT, WILD, SHORT.replace("\n", "\r\n").replace("you\"\"\r\n", "you\"\"\n"),
             b"\xfe\xff" + SHORT.encode("utf-16-be"), b"\xff\xfe" + SHORT.encode("utf-16-le")]
)  # fmt: skip
def test_forms(tmp_path, text):
    y = read_textgrid(put(tmp_path, text))
    assert y == Segments.from_list([[('hello "you"\nthere', 0.5, 1.5)]], ["v"])


def test_tiers(tmp_path):
    write_textgrid(Y, tmp_path, duration={"v": 10.0})
    assert read_textgrid(tmp_path, tiers=["run", "run (2)"]).lengths.tolist() == [2]
    assert [s[:3] for s in read_textgrid(tmp_path, tiers=["run (2)"])[0]] == [("run", 1.0, 3.0)]
    with pytest.raises(ValueError, match=r"has no interval tiers named bell"):
        read_textgrid(put(tmp_path, SHORT), tiers=["Mary", "bell"])
    with pytest.raises(ValueError, match=r"A segment of v ends at 3\.0, after its video"):
        write_textgrid(Y, tmp_path, duration=2.5, overwrite=True)
    with pytest.raises(ValueError, match="Label ' ' of v is white space"):
        write_textgrid(Segments.from_list([[(" ", 0.0, 1.0)]], ["v"]), tmp_path, overwrite=True)


def expected(y, video):
    return sorted((s.label, s.start, s.end) for s in y[video])


def test_textgrid_reads_and_writes_it(tmp_path):
    textgrid = pytest.importorskip("textgrid")
    write_textgrid(Y, tmp_path, duration=10.0)
    grid = textgrid.TextGrid.fromFile(str(tmp_path / "v.TextGrid"))
    found = [(i.mark, i.minTime, i.maxTime) for tier in grid for i in tier if i.mark]
    assert [(s[0], pytest.approx(s[1:])) for s in expected(Y, 0)] == [
        (label, times) for label, *times in sorted(found)
    ]
    assert [tier.name for tier in grid][:2] == ["run", "run (2)"]
    grid.write(str(tmp_path / "v.TextGrid"))
    assert expected(read_textgrid(tmp_path), 0) == sorted(found)


def test_tgt_reads_and_writes_it(tmp_path):
    tgt = pytest.importorskip("tgt")
    write_textgrid(Y, tmp_path, duration=10.0)
    grid = tgt.read_textgrid(str(tmp_path / "v.TextGrid"))
    found = [(i.text, i.start_time, i.end_time) for tier in grid.tiers for i in tier]
    assert sorted(found) == expected(Y, 0)
    for form in ("short", "long"):
        tgt.write_to_file(grid, str(tmp_path / "v.TextGrid"), format=form)
        assert expected(read_textgrid(tmp_path), 0) == expected(Y, 0)


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_praatio_reads_and_writes_it(tmp_path_factory, data):
    textgrid = pytest.importorskip("praatio.textgrid")
    y = data.draw(segments(FORMATS["textgrid"]))[:1]
    plain = [
        s for s in y[0] if s.label == s.label.strip() and set(s.label) <= set("abrunjmp,.<>&1")
    ]
    rows = [(s.label, round(s.start, 2), round(s.end, 2) + 0.5) for s in plain]
    y = Segments.from_list([rows], ids=["v"])  # of no times so near that praatio joins them
    folder = tmp_path_factory.mktemp("grid")
    write_textgrid(y, folder)
    grid = textgrid.openTextgrid(str(folder / "v.TextGrid"), includeEmptyIntervals=False)
    found = [(e.label, e.start, e.end) for tier in grid.tiers for e in tier.entries]
    assert sorted(found) == expected(y, 0)
    if plain:
        for form in ("short_textgrid", "long_textgrid"):
            grid.save(str(folder / "v.TextGrid"), form, includeBlankSpaces=True)
            back = read_textgrid(folder)
            assert [s[0] for s in expected(back, 0)] == [s[0] for s in expected(y, 0)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the end of the file; expected the type of the file"),
        ('"ooTextFile"\n"Sound"', "line 2: .*expected a text file of a TextGrid"),
        (SHORT[:-9], "line 28: the end of the file; expected text"),
        (SHORT[:-3], "line 29: a text without its closing quote"),
        (SHORT.replace("\n2\n", "\n2.5\n"), "line 7: 2.5 tiers; expected a count"),
        (SHORT.replace("\n3\n", "\n1e300\n"), "line 12: 1e\\+300 intervals; expected a count"),
        (SHORT.replace("\n3\n", "\n999999999\n"), "line 23: .*TextTier.*; expected xmin"),
        (SHORT.replace("0.5\n1.5", "1.5\n1.5"), "line 16, tier 'Mary': expected finite times"),
        (SHORT.replace('"IntervalTier"', '"PitchTier"'), "line 9: a tier of class 'PitchTier'"),
        (b"\xfe\xff\xd8", "line 1: not UTF-16 text"),
    ],
)
def test_damaged(tmp_path, text, message):
    with pytest.raises(ValueError, match=rf"v\.TextGrid, {message}"):
        read_textgrid(put(tmp_path, text))
