"""ELAN: as pympi opens it, and files that are damaged."""

import importlib
import itertools
import re
import sys

import pytest
from helpers.interchange import FORMATS, segments
from helpers.thorough import examples
from hypothesis import given
from hypothesis import strategies as st

from sklearn_asn import Segments
from sklearn_asn.interchange import read_eaf, write_eaf

pympi = pytest.importorskip("pympi")

FOUND = Segments.from_list(
    [[("run", 1.0, 3.0, 0.5), ("run", 0.0, 2.0, 0.25), ("run", 2.0, 4.0), ("fall", 0.5, 1.5)], []],
    ids=["v", "w"],
)


def opened(folder, video="v"):
    return pympi.Elan.Eaf(folder / f"{video}.eaf")


def edit(tmp_path, old, new):
    write_eaf(FOUND, tmp_path, overwrite=True)
    text = (tmp_path / "v.eaf").read_text()
    assert old in text
    (tmp_path / "v.eaf").write_text(text.replace(old, new))
    return tmp_path / "v.eaf"


def test_tiers(tmp_path):
    write_eaf(FOUND, tmp_path)
    eaf = opened(tmp_path)
    tiers = ["run", "run (2)", "fall", "score@run", "score@run (2)"]
    assert list(eaf.get_tier_names()) == tiers
    data = {t: eaf.get_annotation_data_for_tier(t) for t in tiers}
    assert data["run"] == [(0, 2000, "run"), (2000, 4000, "run")]
    assert data["run (2)"] == [(1000, 3000, "run")]
    assert data["fall"] == [(500, 1500, "fall")]
    assert data["score@run"] == [(0, 2000, "0.25", "run")]
    assert data["score@run (2)"] == [(1000, 3000, "0.5", "run")]
    assert eaf.get_parameters_for_tier("score@run")["PARENT_REF"] == "run"
    kind = eaf.get_parameters_for_linguistic_type("score")
    assert (kind["CONSTRAINTS"], kind["TIME_ALIGNABLE"]) == ("Symbolic_Association", "false")
    assert eaf.header["TIME_UNITS"] == "milliseconds"
    assert opened(tmp_path, "w").get_tier_names() == {"default": None}.keys()


def test_one_tier(tmp_path):
    write_eaf(FOUND, tmp_path, per_class_tiers=False)
    eaf = opened(tmp_path)
    names = ["segments", "segments (2)", "segments (3)"]
    assert [t for t in eaf.get_tier_names() if not t.startswith("score")] == names
    back = read_eaf(tmp_path)
    assert back.lengths.tolist() == [4, 0]
    assert sorted(map(str, back[0])) == sorted(map(str, FOUND[0]))


@pytest.mark.slow
@examples(25)
@given(data=st.data())
def test_no_tier_has_overlaps(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("eaf")
    write_eaf(data.draw(segments(FORMATS["eaf"])), folder, per_class_tiers=data.draw(st.booleans()))
    for path in folder.iterdir():
        eaf = pympi.Elan.Eaf(path)
        slots = [time for _, time in sorted(eaf.timeslots.items(), key=lambda s: int(s[0][2:]))]
        assert slots == sorted(slots)
        ids = [a for aligned, other, *_ in eaf.tiers.values() for a in (*aligned, *other)]
        assert len(set(ids)) == len(ids)
        for tier, (aligned, *_) in eaf.tiers.items():
            if aligned:
                spans = sorted(row[:2] for row in eaf.get_annotation_data_for_tier(tier))
                assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))


def test_names_of_tiers_do_not_clash(tmp_path):
    rows = [("run", 0.0, 2.0, 0.1), ("run", 1.0, 3.0, 0.2), ("run (2)", 0.0, 1.0, 0.3)]
    rows += [("score@run", 0.0, 1.0, 0.4), ("segments", 5.0, 6.0)]
    y = Segments.from_list([rows], ids=["v"])
    write_eaf(y, tmp_path)
    assert [t for t in opened(tmp_path).tiers if not t.startswith("score@")] == [
        "run", "run (3)", "run (2)", "segments"
    ]  # fmt: skip
    assert sorted(map(str, read_eaf(tmp_path)[0])) == sorted(map(str, y[0]))


@pytest.mark.parametrize("media", ["clips/{id}.mp4", {"v": "clips/v.mp4", "w": "clips/w.mp4"}])
def test_media(tmp_path, media, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_eaf(FOUND, "eaf", media=media)
    (link,) = opened(tmp_path / "eaf").media_descriptors
    assert link["MEDIA_URL"] == (tmp_path / "clips" / "v.mp4").as_uri()
    assert (link["RELATIVE_MEDIA_URL"], link["MIME_TYPE"]) == ("../clips/v.mp4", "video/mp4")
    write_eaf(FOUND, "eaf", media="https://host/{id}", overwrite=True)
    (link,) = opened(tmp_path / "eaf").media_descriptors
    assert (link["MEDIA_URL"], link["MIME_TYPE"]) == ("https://host/v", "unknown")
    with pytest.raises(ValueError, match="media lacks 1 videos: w"):
        write_eaf(FOUND, "eaf", media={"v": "v.mp4"})
    with pytest.raises(ValueError, match=r"expected a text with \{id\} in it"):
        write_eaf(FOUND, "eaf", media="v.mp4")


def test_choice_of_tiers_and_labels(tmp_path):
    write_eaf(FOUND, tmp_path)
    assert [s.label for s in read_eaf(tmp_path, tiers=["fall"])[0]] == ["fall"]
    with pytest.raises(ValueError, match="has no tiers named jump"):
        read_eaf(tmp_path, tiers=["fall", "jump"])
    path = edit(tmp_path, ">run<", "><")
    with pytest.raises(ValueError, match=r"v\.eaf: annotation .* of tier 'run': no label"):
        read_eaf(path)
    with pytest.warns(UserWarning, match="Left out: 3 invalid segments: .*: no label"):
        assert [s.label for s in read_eaf(path, on_invalid="drop")[0]] == ["fall"]
    assert [s.label for s in read_eaf(path, label_from="tier")[0]] == ["run", "fall", "run", "run"]
    with pytest.raises(ValueError, match="label_from='name'"):
        read_eaf(path, label_from="name")


DEPENDENT = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="" DATE="2026-01-01T00:00:00Z" FORMAT="3.0" VERSION="3.0"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xsi:noNamespaceSchemaLocation="http://www.mpi.nl/tools/elan/EAFv3.0.xsd">
<HEADER MEDIA_FILE="" TIME_UNITS="milliseconds"/>
<TIME_ORDER><TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="1000"/><TIME_SLOT TIME_SLOT_ID="ts2"/>
<TIME_SLOT TIME_SLOT_ID="ts3"/><TIME_SLOT TIME_SLOT_ID="ts4" TIME_VALUE="4000"/></TIME_ORDER>
<TIER LINGUISTIC_TYPE_REF="default-lt" TIER_ID="scene">ALIGNABLE(a1,ts1,ts4,kitchen)</TIER>
<TIER LINGUISTIC_TYPE_REF="parts" PARENT_REF="scene" TIER_ID="parts">
ALIGNABLE(a2,ts1,ts2,cut)ALIGNABLE(a3,ts2,ts3,stir)ALIGNABLE(a4,ts3,ts4,pour)</TIER>
<TIER LINGUISTIC_TYPE_REF="words" PARENT_REF="scene" TIER_ID="words">
REF(a6,a1,PREVIOUS_ANNOTATION="a5",two)REF(a5,a1,,one)</TIER>
<TIER LINGUISTIC_TYPE_REF="gloss" PARENT_REF="words" TIER_ID="gloss">REF(a7,a6,,zwei)</TIER>
<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="default-lt" TIME_ALIGNABLE="true"/>
<LINGUISTIC_TYPE CONSTRAINTS="Time_Subdivision" LINGUISTIC_TYPE_ID="parts" TIME_ALIGNABLE="true"/>
<LINGUISTIC_TYPE CONSTRAINTS="Symbolic_Subdivision" LINGUISTIC_TYPE_ID="words"/>
<LINGUISTIC_TYPE CONSTRAINTS="Symbolic_Association" LINGUISTIC_TYPE_ID="gloss"/>
</ANNOTATION_DOCUMENT>"""


def dependent(tmp_path):
    """Return a file with tiers of every kind."""
    value = r"<ANNOTATION_VALUE>\4</ANNOTATION_VALUE>"
    slots = r'ANNOTATION_ID="\1" TIME_SLOT_REF1="\2" TIME_SLOT_REF2="\3"'
    text = re.sub(
        r"ALIGNABLE\((.*?),(.*?),(.*?),(.*?)\)",
        rf"<ANNOTATION><ALIGNABLE_ANNOTATION {slots}>{value}</ALIGNABLE_ANNOTATION></ANNOTATION>",
        DEPENDENT,
    )
    refers = r'ANNOTATION_ID="\1" ANNOTATION_REF="\2" \3'
    text = re.sub(
        r"REF\((.*?),(.*?),(.*?),(.*?)\)",
        rf"<ANNOTATION><REF_ANNOTATION {refers}>{value}</REF_ANNOTATION></ANNOTATION>",
        text,
    )
    (tmp_path / "v.eaf").write_text(text)
    return tmp_path / "v.eaf"


def test_dependent_tiers(tmp_path):
    path = dependent(tmp_path)
    found = {
        tier: [s[:3] for s in read_eaf(path, tiers=[tier])[0]]
        for tier in ("scene", "parts", "words", "gloss")
    }
    assert found == {
        "scene": [("kitchen", 1.0, 4.0)],
        "parts": [("cut", 1.0, 2.0), ("stir", 2.0, 3.0), ("pour", 3.0, 4.0)],
        "words": [("one", 1.0, 2.5), ("two", 2.5, 4.0)],
        "gloss": [("zwei", 2.5, 4.0)],
    }
    assert [s.label for s in read_eaf(path)[0]] == ["kitchen"]
    assert [s.label for s in read_eaf(path, tiers=["gloss"], label_from="tier")[0]] == ["gloss"]


def test_dependent_tiers_that_lead_nowhere(tmp_path):
    path = dependent(tmp_path)
    whole = path.read_text()
    for old, new in (('ANNOTATION_REF="a6"', 'ANNOTATION_REF="a7"'), ('_REF="a6"', '_REF="a99"')):
        path.write_text(whole.replace(old, new))
        with pytest.raises(ValueError, match=r"v\.eaf: annotation a7 of tier 'gloss' has no times"):
            read_eaf(path, tiers=["gloss"])


@pytest.mark.parametrize("label", ["a\0b", "a\rb", "a\x1bb", "a\uffffb"])
def test_labels_that_xml_cannot_hold(tmp_path, label):
    with pytest.raises(ValueError, match=r"Label .* of v has characters not for XML"):
        write_eaf(Segments.from_list([[(label, 0.0, 1.0)]], ids=["v"]), tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("</ANNOTATION_DOCUMENT>", "", "v.eaf, line [0-9]+: no XML, or cut short"),
        ("ANNOTATION_DOCUMENT", "HTML", "v.eaf: no ELAN file; the root is HTML"),
        ('"milliseconds"', '"PAL-frames"', "v.eaf: time is counted in PAL-frames"),
        ('TIME_VALUE="500"', "", "v.eaf: annotation a[0-9]+ of tier 'fall' has no times"),
        ('TIME_VALUE="500"', 'TIME_VALUE="x"', "v.eaf: no ELAN file that pympi reads"),
        ('TIME_VALUE="500"', 'TIME_VALUE="1500"', "v.eaf: annotation .* start < end, got 1.5, 1.5"),
        (">0.25<", ">high<", "v.eaf: annotation .* of tier 'score@run': score is 'high'"),
        (' TIER_ID="fall"', "", "v.eaf: no ELAN file that pympi reads"),
    ],
)
def test_damaged(tmp_path, old, new, message):
    with pytest.raises(ValueError, match=message):
        read_eaf(edit(tmp_path, old, new))


def test_without_pympi(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pympi", None)
    module = importlib.import_module("sklearn_asn.interchange")
    with pytest.raises(ImportError, match=r'pip install "sklearn-asn\[elan\]"'):
        module.write_eaf(FOUND, tmp_path)
    with pytest.raises(ImportError, match=r'pip install "sklearn-asn\[elan\]"'):
        module.read_eaf(tmp_path)
