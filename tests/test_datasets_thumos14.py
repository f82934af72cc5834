"""THUMOS14's annotations: the official files where they are, and small ones written here."""

import csv

import numpy as np
import pytest
from helpers.data import DATA

from sklearn_asn import Segment
from sklearn_asn.datasets import load_thumos14_annotations

FOLDER = DATA / "thumos14"
# algorithm.md: 3358 segments of 212 videos in test, and video 1292 with an Ambiguous one only
OFFICIAL = {
    "test": {"short": "test", "videos": 213, "with": 212, "n": 3358, "ambiguous": 99, "all": 1574},
    "validation": {
        "short": "val", "videos": 200, "with": 200, "n": 3007, "ambiguous": 89, "all": 1010,
    },
}  # fmt: skip
OUTSIDE = {
    "test": {"video_test_0000270": 22, "video_test_0000814": 3, "video_test_0001081": 1},
    "validation": {"video_validation_0000364": 2, "video_validation_0000856": 2},
}


@pytest.fixture(scope="module", params=["test", "validation"])
def official(request):
    if not FOLDER.is_dir():
        pytest.skip("the THUMOS14 annotations are not in ../shared/data/thumos14")
    return request.param, load_thumos14_annotations(FOLDER, subset=request.param)


def plain_rows(subset):
    """All lines of the official files, by plain Python: (video, class, start, end)."""
    short = OFFICIAL[subset]["short"]
    folder = FOLDER / f"thumos14-{short}-annotations"
    rows = []
    for line in (folder / "detclasslist.txt").read_text().split("\n"):
        if line.strip():
            name = line.split()[1]
            for row in (folder / f"{name}_{short}.txt").read_text().split("\n"):
                if row.strip():
                    video, start, end = row.split()
                    rows.append((video, name, float(start), float(end)))
    return rows


def test_official_counts(official):
    subset, data = official
    expected = OFFICIAL[subset]
    assert len(data.y) == len(data.ambiguous) == expected["videos"]
    assert len(data.y.label) == expected["n"]
    assert np.sum(data.y.lengths > 0) == expected["with"]
    assert len(data.ambiguous.label) == expected["ambiguous"]
    assert set(data.ambiguous.label) == {"Ambiguous"}
    assert data.y.ids.tolist() == sorted(data.y.ids) == data.ambiguous.ids.tolist()
    assert np.isnan(data.y.score).all()
    if subset == "test":
        (empty,) = data.y.ids[data.y.lengths == 0]
        assert empty == "video_test_0001292"


def test_official_rows(official):
    subset, data = official
    by_video = {video: [] for video in data.y.ids}
    for video, *rest in plain_rows(subset):
        by_video[video].append(tuple(rest))
    assert [[s[:3] for s in video] for video in data.y] == list(by_video.values())


def test_official_classes(official):
    _, data = official
    # algorithm.md 1.1: places of the 20 among the 101
    numbers = [7, 9, 12, 21, 22, 23, 24, 26, 31, 33, 36, 40, 45, 51, 68, 79, 85, 92, 93, 97]
    assert data.class_numbers.tolist() == numbers
    assert data.classes[[0, 3, 19]].tolist() == [
        "BaseballPitch", "CleanAndJerk", "VolleyballSpiking",
    ]  # fmt: skip
    assert set(data.y.label) == set(data.classes)


def test_official_table(official):
    subset, data = official
    with (FOLDER / f"{OFFICIAL[subset]['short']}_videos.csv").open() as file:
        rows = {row["video"]: row for row in csv.DictReader(file)}
    assert data.table.index.tolist() == list(rows)
    assert len(rows) == OFFICIAL[subset]["all"]
    assert data.table["primary_action"].nunique() == 101
    assert data.table["n_frames"].isna().all() == (subset == "test")
    for i in (0, 57, len(data.y) - 1):
        row = rows[data.y.ids[i]]
        assert data.duration[i] == float(row["duration_s"])
        assert data.fps[i] == float(row["fps"])
        assert data.primary_action[i] == row["primary_action"]


def test_official_segments_after_their_video(official):
    subset, data = official
    inside = data.y.start < data.duration[data.y.video]
    names, counts = np.unique(data.y.ids[data.y.video[~inside]], return_counts=True)
    assert dict(zip(names.tolist(), counts.tolist(), strict=True)) == OUTSIDE[subset]
    kept = data.y.filter(inside)
    assert len(kept) == len(data.y)
    assert np.all(kept.end <= data.duration[kept.video])


def test_official_recognition_videos(official):
    """All videos of the table can be asked for; those without annotations have none."""
    subset, data = official
    every = load_thumos14_annotations(FOLDER, subset=subset, videos=data.table.index)
    assert len(every.y) == OFFICIAL[subset]["all"]
    assert len(every.y.label) == OFFICIAL[subset]["n"]
    assert every.primary_action.tolist() == data.table["primary_action"].tolist()


def test_official_annotation_folder_alone(official):
    subset, data = official
    short = OFFICIAL[subset]["short"]
    alone = load_thumos14_annotations(FOLDER / f"thumos14-{short}-annotations", subset=subset)
    assert alone.y == data.y
    assert alone.ambiguous == data.ambiguous
    assert alone.duration is alone.fps is alone.primary_action is alone.table is None


# ------------------------------------------------------------------------ a small copy of it

FILES = {
    "detclasslist.txt": "12 Billiards\r\n26 Diving\r\n",
    "Billiards_test.txt": "v2  5 6.5\nv1 3.0 4.0\nv2 1 2\n",
    "Diving_test.txt": "v1 0 1.5\r\n\r\n",
    "Ambiguous_test.txt": "v3 8 9\n",
}
TABLE = (
    "video,primary_action,duration_s,n_frames,fps\n"
    "v1,Diving,10.5,,30\nv2,Billiards,20,600,30.00003\nv3,Diving,9,270,25\nv4,Archery,7,,25\n"
)


@pytest.fixture
def folder(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_bytes(text.encode())
    (tmp_path / "test_videos.csv").write_text(TABLE)
    return tmp_path


def test_small(folder):
    data = load_thumos14_annotations(folder)
    assert data.y.ids.tolist() == ["v1", "v2", "v3"]
    assert [[s[:3] for s in video] for video in data.y] == [
        [("Billiards", 3.0, 4.0), ("Diving", 0.0, 1.5)],  # classes in their order, then lines
        [("Billiards", 5.0, 6.5), ("Billiards", 1.0, 2.0)],
        [],
    ]
    assert [len(video) for video in data.ambiguous] == [0, 0, 1]
    assert data.ambiguous[2][0][:3] == Segment("Ambiguous", 8.0, 9.0)[:3]
    assert data.duration.tolist() == [10.5, 20.0, 9.0]
    assert data.fps.tolist() == [30.0, 30.00003, 25.0]
    assert data.primary_action.tolist() == ["Diving", "Billiards", "Diving"]
    assert data.table["n_frames"].tolist()[1:3] == [600.0, 270.0]
    assert data.classes.tolist() == ["Billiards", "Diving"]


def test_chosen_videos(folder):
    data = load_thumos14_annotations(str(folder), videos=["v4", "v2"])
    assert data.y.ids.tolist() == ["v4", "v2"]
    assert data.y.lengths.tolist() == [0, 2]
    assert data.ambiguous.lengths.tolist() == [0, 0]
    assert data.fps.tolist() == [25.0, 30.00003]


def test_unknown_video(folder):
    with pytest.raises(ValueError, match=r"2 videos are not in .*test_videos\.csv: v9, v8\."):
        load_thumos14_annotations(folder, videos=["v9", "v1", "v8"])
    with pytest.warns(UserWarning, match="Left out: 1 videos .*: v9"):
        data = load_thumos14_annotations(folder, videos=["v9", "v1"], on_missing="drop")
    assert data.y.ids.tolist() == ["v1"]
    with pytest.warns(UserWarning, match="v9"), pytest.raises(ValueError, match="No videos"):
        load_thumos14_annotations(folder, videos=["v9"], on_missing="drop")


def test_annotated_video_that_the_table_lacks(folder):
    (folder / "test_videos.csv").write_text(TABLE.replace("v2,Billiards,20,600,30.00003\n", ""))
    with pytest.raises(ValueError, match=r"1 videos are not in .*test_videos\.csv: v2"):
        load_thumos14_annotations(folder)
    with pytest.warns(UserWarning, match="v2"):
        data = load_thumos14_annotations(folder, on_missing="drop")
    assert data.y.ids.tolist() == ["v1", "v3"]


def test_without_table_only_annotated_videos_are_known(folder):
    (folder / "test_videos.csv").unlink()
    assert load_thumos14_annotations(folder, videos=["v3", "v1"]).y.lengths.tolist() == [0, 2]
    with pytest.raises(ValueError, match=r"1 videos are not in .*: v4"):
        load_thumos14_annotations(folder, videos=["v4", "v1"])


@pytest.mark.parametrize(
    ("kwargs", "error", "match"),
    [
        ({"subset": "val"}, ValueError, "subset='val'; expected one of"),
        ({"on_missing": "ignore"}, ValueError, "on_missing='ignore'; expected"),
        ({"videos": "v1"}, TypeError, "videos must be a sequence"),
        ({"videos": ["v1", "v2", "v1"]}, ValueError, "videos must not repeat .*: v1"),
        ({"subset": "validation"}, FileNotFoundError, "lacks 3 files: Billiards_val.txt"),
    ],
)
def test_arguments(folder, kwargs, error, match):
    with pytest.raises(error, match=match):
        load_thumos14_annotations(folder, **kwargs)


def test_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere is no folder"):
        load_thumos14_annotations(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"detclasslist\.txt is missing"):
        load_thumos14_annotations(tmp_path)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("v1 3", "expected 'video start end'"),
        ("v1 3 4 5", "expected 'video start end'"),
        ("v1 3 x", "expected 'video start end'"),
        ("v1", "expected 'video start end'"),
        ("v1 -0.1 4", "expected 0 <= start < end"),
        ("v1 4 4", "expected 0 <= start < end"),
        ("v1 5 4", "expected 0 <= start < end"),
        ("v1 nan 4", "expected 0 <= start < end"),
        ("v1 3 inf", "expected 0 <= start < end"),
    ],
)
@pytest.mark.parametrize("name", ["Diving", "Ambiguous"])
def test_bad_line(folder, name, line, why):
    (folder / f"{name}_test.txt").write_text(f"v1 1 2\n\n{line}\n")
    with pytest.raises(ValueError, match=rf"{name}_test\.txt, line 3: {why}"):
        load_thumos14_annotations(folder)


def test_not_text(folder):
    (folder / "Diving_test.txt").write_bytes("v1 1 2\nvidéo 1 2\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"Diving_test\.txt, line 2: not UTF-8 text"):
        load_thumos14_annotations(folder)


def test_byte_order_mark(folder):
    data = load_thumos14_annotations(folder)
    for name in ("Diving_test.txt", "test_videos.csv"):
        (folder / name).write_bytes(b"\xef\xbb\xbf" + (folder / name).read_bytes())
    assert load_thumos14_annotations(folder).y == data.y


def test_class_without_file_and_file_without_class(folder):
    (folder / "Archery_test.txt").write_text("v1 1 2\n")
    with pytest.raises(ValueError, match=r"classes not in detclasslist\.txt: Archery"):
        load_thumos14_annotations(folder)
    (folder / "Diving_test.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"lacks 1 files: Diving_test\.txt"):
        load_thumos14_annotations(folder)


@pytest.mark.parametrize(
    "text", ["", "x Diving", "1 Diving\n2", "1 Diving\n1 2 3", "1 D\n2 D", "1 D\n1 E"]
)
def test_bad_class_list(folder, text):
    (folder / "detclasslist.txt").write_text(text)
    with pytest.raises(ValueError, match=r"detclasslist\.txt(, line \d: expected| names no)"):
        load_thumos14_annotations(folder)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("v1,Diving,1,1,30", "v1 is listed twice"),
        ("v5,Diving,1,30", "expected video,"),
        ("v5,Diving", "expected video,"),
        ("v5,Diving,x,1,30", "expected video,"),
        ("v5,Diving,,1,30", "expected positive numbers"),
        ("v5,Diving,1,1,", "expected positive numbers"),
        ("v5,Diving,-1,1,30", "expected positive numbers"),
        ("v5,Diving,1,0,30", "expected positive numbers"),
        ("v5,Diving,1,1,inf", "expected positive numbers"),
        ("v5,Diving,nan,1,30", "expected positive numbers"),
    ],
)
def test_bad_table(folder, line, why):
    (folder / "test_videos.csv").write_text(TABLE + line + "\n")
    with pytest.raises(ValueError, match=rf"test_videos\.csv, line 6: {why}"):
        load_thumos14_annotations(folder)


@pytest.mark.parametrize("text", ["", "video,fps\n", "v1,Diving,1,1,30\n"])
def test_bad_table_header(folder, text):
    (folder / "test_videos.csv").write_text(text)
    with pytest.raises(ValueError, match=r"test_videos\.csv, line 1: expected the columns video"):
        load_thumos14_annotations(folder)


# ------------------------------------------------------------------------------- invalid times


def test_a_segment_of_no_length_need_not_stop_a_file(folder):
    good = load_thumos14_annotations(folder).y
    with open(folder / "Diving_test.txt", "a") as file:
        file.write("\nv1 4 4\nv1 nan 4\n")
    with pytest.raises(ValueError, match=r"2 segments are invalid: .*Diving_test\.txt, line"):
        load_thumos14_annotations(folder)
    for choice in ("drop", "clip"):
        with pytest.warns(UserWarning, match=r"Left out: 2 segments.*Diving_test\.txt, line"):
            assert load_thumos14_annotations(folder, on_invalid=choice).y == good


@pytest.mark.parametrize(("subset", "late"), [("test", 26), ("validation", 4)])
def test_published_segments_after_their_video(subset, late):
    if not FOLDER.is_dir():
        pytest.skip("no THUMOS14 annotations in ../shared/data")
    data = load_thumos14_annotations(FOLDER, subset=subset)
    beyond = data.y.end > data.duration[data.y.video] + 1.0
    with pytest.warns(UserWarning, match="Left out"):
        fewer = load_thumos14_annotations(FOLDER, subset=subset, on_invalid="drop", tolerance=1.0)
    assert fewer.y == data.y.filter(~beyond)
    with pytest.warns(UserWarning, match=f"Left out: {late} segments, of which nothing"):
        cut = load_thumos14_annotations(FOLDER, subset=subset, on_invalid="clip", tolerance=1.0).y
    assert len(cut.label) == len(data.y.label) - late
