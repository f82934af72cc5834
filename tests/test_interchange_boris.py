"""BORIS: the table itself, tables of several versions, and damage."""

import csv

import pytest

from sklearn_asn import Segments
from sklearn_asn.interchange import read_boris, write_boris

Y = Segments.from_list(
    [[("run", 0.5, 2.0), ("run", 1.0, 3.0), ("run", 2.0, 2.5), ("eat, drink", 0.1, 0.3)]], ids=["v"]
)
OLD = """Observation id\tday 1

Media file(s)
Player #1\ta.mp4

Time\tMedia file path\tTotal length\tFPS\tSubject\tBehavior\tBehavioral category\tComment\tStatus
0.5\tC:\\films\\a.mp4\t60\t25\tAnn\trun\t\t\tSTART
1.0\tC:\\films\\a.mp4\t60\t25\tBob\trun\t\t\tSTART
2.0\tC:\\films\\a.mp4\t60\t25\tAnn\trun\t\t\tSTOP
2.5\tC:\\films\\a.mp4\t60\t25\tBob\trun\t\t\tSTOP
"""
WHOLE = """Observation id,Subject,Behavior,Behavior type,Start (s),Stop (s),Media file name
day 1,Ann,run,STATE,0.5,2.0,films/a.mp4
day 1,Bob,run,STATE,1.0,2.5,films/a.mp4
"""
TABLE = "Observation id\tSubject\tBehavior\tBehavior type\tModifier #1\tTime\n"


def put(tmp_path, text):
    (tmp_path / "events.tsv").write_bytes(text.encode())
    return tmp_path / "events.tsv"


def test_table(tmp_path):
    write_boris(Y, tmp_path / "events.csv")
    with open(tmp_path / "events.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    found = [(r["Time"], r["Subject"], r["Behavior"], r["Behavior type"]) for r in rows]
    nobody, second = "No focal subject", "overlap 2"
    assert found == [
        ("0.1", nobody, "eat, drink", "START"), ("0.3", nobody, "eat, drink", "STOP"),
        ("0.5", nobody, "run", "START"), ("1.0", second, "run", "START"),
        ("2.0", nobody, "run", "STOP"), ("2.0", nobody, "run", "START"),
        ("2.5", nobody, "run", "STOP"), ("3.0", second, "run", "STOP"),
    ]  # fmt: skip
    assert {r["Observation id"] for r in rows} == {"v"}


def test_boris_clip_reads_it(tmp_path):
    parse = pytest.importorskip("boris_clip.parse")
    y = Segments.from_list([[("run", 0.5, 2.0), ("run", 2.25, 2.5), ("fall", 1.0, 3.0)]], ["v.mp4"])
    write_boris(y, tmp_path / "events.csv")
    (theirs,) = parse.parse_boris_file(str(tmp_path / "events.csv"))
    found = [(b.behaviour, b.start, b.stop) for b in theirs.bouts]
    assert sorted(found) == sorted(s[:3] for s in y[0])


@pytest.mark.parametrize("text", [OLD, WHOLE, WHOLE.replace(",", ";"), OLD.replace("\n", "\r\n")])
@pytest.mark.parametrize(("id_from", "name"), [("observation", "day 1"), ("media", "a")])
def test_versions(tmp_path, text, id_from, name):
    y = read_boris(put(tmp_path, text), id_from=id_from)
    assert y == Segments.from_list([[("run", 0.5, 2.0), ("run", 1.0, 2.5)]], [name])


def test_modifiers_and_points(tmp_path):
    rows = ["v\t\trun\tSTART\tfast\t1", "v\t\trun\tSTART\tslow\t2", "v\t\trun\tSTOP\tfast\t3",
            "v\t\tblink\tPOINT\t\t3.5", "v\t\trun\tSTOP\tslow\t4"]  # fmt: skip
    path = put(tmp_path, TABLE + "\n".join(rows))
    with pytest.raises(ValueError, match=r"events.tsv, line 5: expected finite times"):
        read_boris(path)
    with pytest.warns(UserWarning, match="Left out: 1 invalid"):
        y = read_boris(path, on_invalid="drop")
    assert [s[:3] for s in y[0]] == [("run", 1.0, 3.0), ("run", 2.0, 4.0)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: expected a table with a column named Behavior"),
        ("Behavior\tTime\n", "line 1: the heading lacks Behavior type"),
        ("Behavior\tStatus\n", "line 1: the heading lacks Time"),
        ("Behavior\tTime\tTime\tStatus\n", "line 1: the heading repeats Time"),
        (TABLE + "v\t\trun\n", "line 2: 3 fields; expected 6"),
        (TABLE + "v\t\trun\tSTART\t\tx\n", "line 2: Time is 'x'; expected a number"),
        (TABLE + "v\t\trun\tSTART\t\t1\n", "line 2: a START without its STOP"),
        (TABLE + "v\t\trun\tSTOP\t\t1\n", "line 2: 'STOP' of 'run'; expected START, STOP"),
        (TABLE + "v\t\trun\tSTART\t\t1\nv\t\trun\tSTART\t\t2\n", "line 3: 'START' of 'run'"),
        (TABLE + "v\t\trun\t\t\t1\n", "line 2: 'no type' of 'run'"),
        (TABLE + "\t\trun\tSTART\t\t1\n", "line 2: no observation, which names the video"),
        (WHOLE.replace(",run,", ",,"), "line 2: no label"),
        (TABLE + '"v', "line 2: no table"),
    ],
)
def test_damaged(tmp_path, text, message):
    with pytest.raises(ValueError, match=rf"events\.tsv, {message}"):
        read_boris(put(tmp_path, text))
