"""AutoLoc's TSV files, written here from the words of its README."""

import numpy as np
import pytest

from sklearn_asn.datasets import load_autoloc_tsv

rng = np.random.default_rng(0)


def autoloc_videos(n_classes=3, n_features=2):
    """Videos of 1 to 4 clips; spatial and temporal arrays of each."""
    videos = {}
    for i, (number, labels) in enumerate([(51, {2}), (7, {1, 3}), (210, set())]):
        n = (3, 1, 4)[i]
        draw = {s: np.float32(rng.standard_normal((n, n_features + n_classes + 1)).round(3))
                for s in ("temporal", "spatial")}  # fmt: skip
        videos[number] = labels, draw
    return videos


def autoloc_line(number, labels, draw, n_features=2):
    """Write a line by loops, from AutoLoc's README: clip after clip, temporal then spatial."""
    features, activations, attention = [], [], []
    for temporal, spatial in zip(draw["temporal"], draw["spatial"], strict=True):
        for stream in (temporal, spatial):
            features += [str(v) for v in stream[:n_features]]
            activations += [str(v) for v in stream[n_features:-1]]
            attention += [str(stream[-1])]
    cells = [f"{number:07d}", ";".join(str(v) for v in sorted(labels))]
    return "\t".join([*cells, *(";".join(c) for c in (features, activations, attention))])


VIDEOS = autoloc_videos()
LINES = [autoloc_line(number, *video) for number, video in VIDEOS.items()]
SIZES = {"n_classes": 3, "n_features": 2}


@pytest.fixture
def tsv(tmp_path):
    (tmp_path / "val.tsv").write_text("\n".join(LINES) + "\n")
    return tmp_path / "val.tsv"


def test_autoloc(tsv):
    data = load_autoloc_tsv(str(tsv), **SIZES)
    assert data.X.ids.tolist() == ["0000051", "0000007", "0000210"]
    assert data.X.feature_names.tolist() == [
        "spatial_0000", "spatial_0001", "temporal_0000", "temporal_0001",
    ]  # fmt: skip
    assert data.X.values.dtype == np.float32
    assert data.X.clip_seconds is None
    assert data.labels == [{1}, {0, 2}, set()]
    for i, (_, draw) in enumerate(VIDEOS.values()):
        assert np.array_equal(
            data.X[i], np.hstack([draw["spatial"], draw["temporal"]])[:, [0, 1, 6, 7]]
        )
        for stream in ("spatial", "temporal"):
            assert np.array_equal(data.activations[stream][i], draw[stream][:, 2:5])
            assert np.array_equal(data.attention[stream][i], draw[stream][:, 5])


def test_autoloc_reads_as_its_own_code_does(tsv):
    """The reshapes of AutoLoc's lib/layers/tsv_data.py, on the first line."""
    cells = LINES[0].split("\t")
    heatmap = np.array(cells[3].split(";"), np.float32).reshape(-1, 3)
    attention = np.array(cells[4].split(";"), np.float32).reshape(-1, 2)
    data = load_autoloc_tsv(tsv, **SIZES)
    mean = 0.5 * (data.activations["temporal"][0] + data.activations["spatial"][0])
    assert np.array_equal(mean, 0.5 * (heatmap[::2] + heatmap[1::2]))
    assert np.array_equal(data.attention["temporal"][0], attention[:, 0])


def test_autoloc_options(tsv):
    data = load_autoloc_tsv(
        tsv,
        **SIZES,
        classes=["run", "jump", "swim"],
        make_id=lambda cell: f"video_validation_{int(cell):07d}",
        videos=["video_validation_0000007", "video_validation_0000051"],
        fps=[30, 25],
    )
    assert data.X.ids.tolist() == ["video_validation_0000007", "video_validation_0000051"]
    assert data.labels == [{"run", "swim"}, {"jump"}]
    np.testing.assert_allclose(data.X.clip_seconds, [0.5, 0.6])
    np.testing.assert_allclose(data.X.start_seconds, [1 / 30, 1 / 25])
    assert [len(a) for a in data.attention["spatial"]] == [1, 3]
    data = load_autoloc_tsv(tsv, **SIZES, make_id=int, videos=[210])
    assert data.X.ids.tolist() == ["210"]
    assert load_autoloc_tsv(tsv, **SIZES, fps=30).X.clip_seconds.tolist() == [0.5] * 3
    with pytest.warns(UserWarning, match="Left out: 1 videos .*: 9"):
        data = load_autoloc_tsv(tsv, **SIZES, videos=["9", "0000210"], on_missing="drop")
    assert data.X.ids.tolist() == ["0000210"]


def test_autoloc_line_ends(tsv):
    data = load_autoloc_tsv(tsv, **SIZES)
    text = "\r\n".join(line.replace("\t", ";\t") + ";" for line in LINES)
    tsv.write_bytes(b"\xef\xbb\xbf" + text.encode())  # a byte order mark, and no last line end
    other = load_autoloc_tsv(tsv, **SIZES, make_id=lambda cell: cell.rstrip(";"))
    assert other.X == data.X
    assert other.labels == data.labels


def edited(cell, text):
    """The second line with one cell replaced by `text`, or by what it makes of the cell."""
    cells = LINES[1].split("\t")
    cells[cell] = text(cells[cell]) if callable(text) else text
    return "\t".join(cells)


@pytest.mark.parametrize(
    ("line", "match"),
    [
        (edited(1, "1;4"), "labels 1;4; expected 1 to 3"),
        (edited(1, "0"), "labels 0; expected 1 to 3"),
        (edited(1, "1.5"), "labels 1.5; expected 1 to 3"),
        (edited(1, "run"), "labels: expected numbers separated by ';', got 'run'"),
        (edited(2, "1;2;3"), r"numbers of values {'features': 3, .* expected \[4, 6, 2\] a clip"),
        (edited(3, lambda c: c + ";1"), "numbers of values {'features': 4, 'activations': 7,"),
        (edited(4, lambda c: c + ";1"), "'attention': 3}"),
        (edited(4, lambda c: c + ";1;2"), "'attention': 4}"),
        (edited(2, "1;x;3;4"), "features: expected numbers separated by ';', got '1;x;3;4'"),
        (edited(2, "1;;3;4"), "features: expected numbers"),
        (edited(2, ""), "features: expected numbers"),
        (edited(2, "1;2;nan;4"), "features: value 3 is not finite"),
        (edited(4, "inf;2"), "attention: value 1 is not finite"),
        (edited(0, "0000051"), "the video 0000051 was on a line before"),
        ("\t".join(LINES[1].split("\t")[:4]), "4 cells; expected 5"),
        (LINES[1] + "\t1", "6 cells; expected 5"),
        ("", "1 cells; expected 5"),
    ],
)
def test_bad_autoloc_line(tsv, line, match):
    tsv.write_text("\n".join([LINES[0], line, LINES[2]]) + "\n")
    with pytest.raises(ValueError, match=rf"val\.tsv, line 2.*{match}"):
        load_autoloc_tsv(tsv, **SIZES)


def test_bad_autoloc_file(tsv):
    tsv.write_text("\n".join(LINES)[:-20])  # cut short
    with pytest.raises(ValueError, match=r"val\.tsv, line 3"):
        load_autoloc_tsv(tsv, **SIZES)
    tsv.write_bytes(LINES[0].encode() + b"\n\xff\xfe\t\n")
    with pytest.raises(ValueError, match=r"val\.tsv, line 2: not UTF-8 text"):
        load_autoloc_tsv(tsv, **SIZES)
    tsv.write_text("")
    with pytest.raises(ValueError, match=r"No videos to read from .*val\.tsv"):
        load_autoloc_tsv(tsv, **SIZES)


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        ({"n_classes": 0}, "n_classes=0; expected"),
        ({"n_features": 1.5}, "n_features=1.5; expected"),
        ({"n_classes": 4}, r"line 1: .*expected \[4, 8, 2\] a clip"),
        ({"classes": ["run"]}, "classes has 1 names, expected n_classes=3"),
        ({"classes": ["a", "b", "a"]}, "classes must not repeat"),
        ({"make_id": lambda cell: {}[cell]}, "line 1: make_id fails on '0000051'"),
        ({"videos": ["9"]}, r"1 videos are not in .*val\.tsv: 9"),
        ({"fps": {"0000051": 30}}, "fps lacks 2 videos"),
        ({"fps": -1}, "fps must be positive"),
    ],
)
def test_autoloc_arguments(tsv, kwargs, match):
    with pytest.raises(ValueError, match=match):
        load_autoloc_tsv(tsv, **{**SIZES, **kwargs})
