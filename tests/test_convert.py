"""Times, ids, labels, offsets and masks keep their meaning on the way in, or are refused."""

import datetime
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_asn import Clips, Segments
from sklearn_asn._data.convert import as_ids, as_labels, as_numbers, as_offsets, as_seconds


def segments(**change):
    content = {"offsets": [0, 1, 2], "label": ["x", "y"], "start": [0.0, 1.0], "end": [1.0, 3.0]}
    return Segments(**(content | change))


def clips(**change):
    content = {"values": np.zeros((4, 2)), "offsets": [0, 1, 4]}
    return Clips(**(content | change))


# ------------------------------------------------------------------------------------ times

ONE = [
    [pd.Timedelta("1s"), pd.Timedelta("2500ms")],
    pd.to_timedelta(["1s", "2.5s"]),
    pd.Series(pd.to_timedelta(["1s", "2.5s"])),
    np.array([1000, 2500], "m8[ms]"),
    np.array([10**9, 25 * 10**8], "m8[ns]"),
    [datetime.timedelta(seconds=1), datetime.timedelta(seconds=2.5)],
    [np.timedelta64(1, "s"), np.timedelta64(2500, "ms")],
    [1, 2.5],
    np.array([1, 2.5], np.float32),
    pd.array([1.0, 2.5], "Float64"),
]


@pytest.mark.parametrize("times", ONE)
def test_durations_become_seconds(times):
    assert as_seconds(times, "t").tolist() == [1.0, 2.5]
    assert segments(end=times, start=[0, 0]).end.tolist() == [1.0, 2.5]
    frame = pd.DataFrame({"video": ["a", "b"], "label": "x", "start": 0.0, "end": times})
    assert Segments.from_frame(frame).end.tolist() == [1.0, 2.5]
    built = clips(clip_seconds=times)
    assert built.clip_seconds.tolist() == [1.0, 2.5]


def test_from_list_takes_durations():
    y = Segments.from_list([[("x", pd.Timedelta("1s"), pd.Timedelta("1min"))]])
    assert y[0][0][:3] == ("x", 1.0, 60.0)


@pytest.mark.parametrize(
    ("times", "match"),
    [
        (["1", "2"], r"end\[0\] is .*'1'.*; expected a number"),
        ([1, "2"], "expected a number"),
        ([1.0, True], r"end\[1\] is True; expected a number"),
        (np.array([True, True]), "expected a number"),
        ([1.0, None], r"end\[1\] is None \(missing\)"),
        ([1.0, pd.Timedelta("1s")], r"end\[0\] is 1.0; expected a duration as the others are"),
        (pd.array([1, None], "Int64"), "<NA>|finite times"),  # as pandas' version has it
        (np.ma.array([1.0, 2.0], mask=[0, 1]), "masked"),
        (pd.to_datetime(["2020-01-01", "2020-01-02"]), "end holds dates; expected seconds"),
        ([datetime.datetime(2020, 1, 1)] * 2, "end holds dates"),
        (np.array([1, 2], "M8[s]"), "end holds dates"),
        ([1j, 2j], "expected a number"),
        (np.array([1, 2], "m8[Y]"), "no number of seconds"),
        ([np.timedelta64("NaT"), np.timedelta64(1, "s")], "finite times"),
    ],
)
def test_what_is_no_time(times, match):
    with pytest.raises(ValueError, match=match):
        segments(end=times)


def test_scores_are_numbers():
    assert np.isnan(segments(score=[0.5, np.nan]).score[1])
    for bad in (["0.5", "0.6"], [True, False], [0.5, None], pd.to_timedelta(["1s", "2s"])):
        with pytest.raises(ValueError, match="score"):
            segments(score=bad)


# -------------------------------------------------------------------------------------- ids


@pytest.mark.parametrize("make", [segments, clips])
def test_ids(make):
    assert make(ids=[b"a", "b"]).ids.tolist() == ["a", "b"]
    assert make(ids=[7, 8]).ids.tolist() == ["7", "8"]
    assert make(ids=np.array([b"\xc3\xa9", b"b"])).ids.tolist() == ["\u00e9", "b"]
    for bad, match in (
        (["a", None], r"ids\[1\] is None \(missing\)"),
        (["a", np.nan], r"ids\[1\] is nan \(missing\)"),
        (["a", pd.NA], r"ids\[1\] is <NA> \(missing\)"),
        ([1.0, 2.0], r"ids\[0\] is 1.0; expected text or a whole number"),
        ([True, "b"], r"ids\[0\] is True"),
        (["a", "a\0"], r"ids\[1\] is 'a\\x00': a name must not end in a NUL"),
        ([b"a\xff", "b"], r"which is not UTF-8"),
        (["1", 1], "'1' and 1, which are one name as text"),
        ([b"a", "a"], "one name as text"),
        (["a", "a"], r"ids must be unique; repeated: \['a'\]"),
        (np.array(["a", "a"]), "ids must be unique"),
        (["a"], "ids names 1 videos, expected 2"),
    ):
        with pytest.raises(ValueError, match=match):
            make(ids=bad)
    assert make(ids="ab").ids.tolist() == ["a", "b"]  # a string is a sequence of letters
    with pytest.raises(TypeError, match="names must be a sequence, got 'ab'"):
        as_ids("ab", "names")


@pytest.mark.parametrize("make", [segments, clips])
def test_a_selection_may_repeat_videos(make, tmp_path):
    chosen = make(ids=["a", "b"])[[1, 0, 1]]
    assert chosen.ids.tolist() == ["b", "a", "b"]
    again = pickle.loads(pickle.dumps(chosen))
    for own in (chosen, again):
        other = Segments([0, 0, 0, 1], ["x"], [0], [1], ids=own.ids)
        assert other.ids.tolist() == ["b", "a", "b"]
    assert not again.ids.flags.writeable
    saved = type(chosen).open(chosen.save(tmp_path / "chosen"))
    assert saved == chosen
    if make is clips:
        assert chosen.with_values(chosen.values + 1).ids.tolist() == ["b", "a", "b"]


def test_ids_of_a_frame():
    rows = {"label": "x", "start": 0.0, "end": 1.0}
    for video, match in (
        (["a", None], r"frame\['video'\]\[1\] is .*missing"),
        ([1.0, np.nan], r"frame\['video'\]\[0\] is 1.0"),
        ([b"a", "a"], "one name as text"),
    ):
        with pytest.raises(ValueError, match=match):
            Segments.from_frame(pd.DataFrame({"video": video} | rows))
    frame = pd.DataFrame({"video": [b"a", b"b"]} | rows)
    assert Segments.from_frame(frame, videos=["b", "a"]).ids.tolist() == ["b", "a"]


def test_feature_names():
    assert clips(feature_names=[b"f", 1]).feature_names.tolist() == ["f", "1"]
    for bad in (["f", None], ["f", np.nan], ["1", 1]):
        with pytest.raises(ValueError, match="feature_names"):
            clips(feature_names=bad)


# ----------------------------------------------------------------------------------- labels


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        (["a", "b"], "U"),
        ([b"a", b"b"], "U"),
        (np.array([b"a", b"b"]), "U"),
        (np.array(["a", "b"], dtype=object), "U"),
        (pd.Series(["a", "b"]), "U"),
        (pd.Series(["a", "b"], dtype="category"), "U"),
        (pd.Series(["a", "b"], dtype="string"), "U"),
        ([1, 2], "i"),
        ([True, False], "b"),
        ([1.5, 2], "f"),
        (pd.array([1, 2], "Int64"), "i"),
    ],
)
def test_labels(labels, kind):
    array = segments(label=labels).label
    assert array.dtype.kind == kind
    expected = ["a", "b"] if kind == "U" else list(labels)
    assert array.tolist() == expected


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        ([1, "1"], "label mixes strings and other types"),
        (np.array([1, "1"], dtype=object), "label mixes strings and other types"),
        ([True, 1], "label mixes booleans and whole number"),
        (np.array([True, 1], dtype=object), "label mixes booleans and whole number"),
        ([1.0, False], "label mixes booleans and number"),
        ([b"a", "a"], "label mixes strings and other types"),
        (["a", "a\0"], "must not end in a NUL"),
        (["a", None], r"misses a label: label\[1\] is None"),
        (["a", np.nan], r"label\[1\] is nan"),
        (pd.Series(["a", pd.NA], dtype="string"), "misses a label"),
        (pd.array([1, None], "Int64"), "misses a label|contains NaN"),
        ([1.0, np.inf], "NaN or infinity"),
        (np.ma.array([1, 2], mask=[0, 1]), "masked"),
        ([b"\xff", b"a"], "not UTF-8"),
        (np.array([["a", "b"]]), "label must be 1-D"),
    ],
)
def test_labels_that_would_merge_or_are_missing(labels, match):
    with pytest.raises(ValueError, match=match):
        segments(label=labels)


# --------------------------------------------------------- offsets, masks, and constructors


@pytest.mark.parametrize("make", [segments, clips])
@pytest.mark.parametrize("wrong", [[0, 1.5, 2.0], [0.0, 1.0, 2.0], [False, True, True], ["0"] * 3])
def test_offsets_are_whole_numbers(make, wrong):
    with pytest.raises(ValueError, match="offsets must hold whole numbers, got"):
        make(offsets=wrong)


def test_filter_takes_a_mask():
    y = segments()
    assert y.filter([True, False]).label.tolist() == ["x"]
    assert y.filter(pd.Series([True, False])).label.tolist() == ["x"]
    assert y.filter(np.array([True, False], dtype=object)).label.tolist() == ["x"]
    for index in ([1, 0], [0], np.array([1, 1]), [0.0, 1.0], ["True", "False"]):
        with pytest.raises(ValueError, match=r"keep must be a mask, .*each of the 2 segments"):
            y.filter(index)
    with pytest.raises(ValueError, match=r"keep has shape \(1,\), expected \(2,\)"):
        y.filter([True])
    assert len(y[:0].filter([])) == 0


def test_constructors_check_as_from_list_does():
    bad = np.zeros((4, 2))
    bad[2, 1] = np.nan
    for build in (
        lambda: clips(values=bad),
        lambda: Clips.from_list([bad[:1], bad[1:]]),
    ):
        with pytest.raises(ValueError, match="contains NaN: video 1, clip 1"):
            build()


def test_features_in_a_file_are_checked_on_use(tmp_path):
    np.save(tmp_path / "x.npy", np.full((4, 2), np.nan))
    mapped = clips(values=np.load(tmp_path / "x.npy", mmap_mode="r"))
    with pytest.raises(ValueError, match="contains NaN"):
        mapped.check_finite()


# ------------------------------------------------------------------------------- invariants


@pytest.mark.slow
@given(st.lists(st.text(), max_size=6))
def test_ids_are_kept_or_refused(ids):
    try:
        names = as_ids(ids)
    except ValueError:
        assert any(v.endswith("\0") for v in ids)
    else:
        assert names == ids
        assert np.array(names, dtype=np.str_).tolist() == ids


@given(st.lists(st.one_of(st.booleans(), st.integers(0, 2), st.sampled_from("012")), max_size=5))
def test_classes_never_merge(labels):
    try:
        array = as_labels(labels, "y")
    except ValueError:
        assert len({type(v) for v in labels}) > 1
    else:
        kept = {(type(v), v) for v in array.tolist()}
        assert len(kept) == len({(type(v), v) for v in labels})


@given(st.lists(st.floats(), max_size=5))
def test_numbers_are_the_same(values):
    np.testing.assert_array_equal(as_numbers(values, "x"), values)
    np.testing.assert_array_equal(as_seconds(values, "x"), values)


def test_offsets_of_any_integer_kind():
    assert as_offsets(np.array([0, 3], np.uint8)).dtype == np.int64
    assert as_offsets([]).tolist() == []
