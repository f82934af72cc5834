"""What the HAPT reader refuses, and what it names."""

import zipfile

import numpy as np
import pytest
from helpers.hapt import small_files, write_archive, write_folder

from sklearn_asn.datasets import load_hapt


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "hapt", small_files())


@pytest.mark.parametrize("subset", ["Train", "validation", None])
def test_unknown_subset(folder, subset):
    with pytest.raises(ValueError, match="subset must be"):
        load_hapt(folder, subset=subset)


@pytest.mark.parametrize("seconds", [1.26, 0, -3.0, 30.01, np.nan, np.inf, "30"])
def test_bag_seconds(folder, seconds):
    with pytest.raises(ValueError, match="bag_seconds must be"):
        load_hapt(folder, bag_seconds=seconds)


def test_dtype(folder):
    with pytest.raises(ValueError, match="dtype must be"):
        load_hapt(folder, dtype=np.int32)


def test_no_such_path(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.zip"):
        load_hapt(tmp_path / "nowhere.zip")


def test_no_raw_data(tmp_path):
    with pytest.raises(FileNotFoundError, match="RawData"):
        load_hapt(tmp_path)
    for name in ("a", "b"):
        write_folder(tmp_path / name, small_files())
    with pytest.raises(FileNotFoundError, match="RawData in 2"):
        load_hapt(tmp_path)


def test_no_archive(folder):
    with pytest.raises(ValueError, match=r"labels\.txt is no zip archive"):
        load_hapt(folder / "RawData" / "labels.txt")


def test_truncated_archive(tmp_path):
    path = write_archive(tmp_path / "a.zip", small_files())
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(ValueError, match=r"a\.zip is no zip archive, or is cut short"):
        load_hapt(path)


def test_damaged_member(tmp_path):
    path = write_archive(tmp_path / "a.zip", small_files())
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo("RawData/gyro_exp02_user01.txt")
        middle = member.header_offset + 30 + len(member.filename) + member.compress_size // 2
    content = bytearray(path.read_bytes())
    content[middle : middle + 8] = b"\xff" * 8
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"gyro_exp02_user01\.txt is damaged"):
        load_hapt(path)


@pytest.mark.parametrize(
    "name",
    [
        "activity_labels.txt",
        "RawData/labels.txt",
        "RawData/acc_exp03_user02.txt",
        "RawData/gyro_exp03_user02.txt",
        "Train/subject_id_train.txt",
        "Test/subject_id_test.txt",
    ],
)
@pytest.mark.parametrize("form", ["archive", "folder"])
def test_missing_file(tmp_path, name, form):
    files = small_files()
    del files[name]
    write = write_archive if form == "archive" else write_folder
    path = write(tmp_path / "hapt", files)
    with pytest.raises(FileNotFoundError, match=rf"{name}.* is missing"):
        load_hapt(path, subset="test")


def test_no_recordings(tmp_path):
    files = {name: text for name, text in small_files().items() if "_exp" not in name}
    with pytest.raises(FileNotFoundError, match="acc_exp01_user01"):
        load_hapt(write_folder(tmp_path, files))


def edited(folder, name, line, text):
    """Replace one line (from 1) of a file; None leaves it out."""
    lines = (folder / name).read_text().splitlines()
    lines[line - 1 : line] = [] if text is None else [text]
    (folder / name).write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    "text", ["1.0 2.0", "1 2 3 4", "1 2 x", "1 nan 3", "1 inf 3", "", '"1 2 3']
)
@pytest.mark.parametrize("line", [1, 7, 64])
@pytest.mark.parametrize("sensor", ["acc", "gyro"])
def test_malformed_samples(folder, sensor, line, text):
    edited(folder, f"RawData/{sensor}_exp04_user05.txt", line, text)
    if text == "" and line == 64:  # an empty last line is no row
        match = "63"
    else:
        match = rf"{sensor}_exp04_user05\.txt, line {line}: not 3 finite numbers"
    with pytest.raises(ValueError, match=match):
        load_hapt(folder)


def test_empty_file(folder):
    (folder / "RawData/acc_exp04_user05.txt").write_text("\n")
    with pytest.raises(ValueError, match=r"acc_exp04_user05\.txt, line 1"):
        load_hapt(folder)


def test_all_rows_too_wide(folder):
    (folder / "RawData/acc_exp04_user05.txt").write_text("1 2 3 4\n" * 64)
    with pytest.raises(ValueError, match=r"acc_exp04_user05\.txt, line 1: not 3"):
        load_hapt(folder)


def test_sensors_of_different_length(folder):
    edited(folder, "RawData/acc_exp03_user02.txt", 5, None)
    with pytest.raises(ValueError, match=r"gyro_exp03_user02.txt has 260 .*acc_.* has 259"):
        load_hapt(folder)


def test_recording_shorter_than_a_window(folder):
    for sensor in ("acc", "gyro"):
        edited(folder, f"RawData/{sensor}_exp04_user05.txt", 5, None)
    with pytest.raises(ValueError, match=r"exp04_user05.*has 63; .* at least 64"):
        load_hapt(folder)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("1 1 1 151 331", "past the recording"),
        ("1 1 1 0 330", "past the recording"),
        ("1 1 1 200 199", "not in order"),
        ("1 1 4 151 330", "unknown activity"),
        ("1 1 0 151 330", "unknown activity"),
        ("9 1 1 151 330", "no recording"),
        ("1 2 1 151 330", "no recording"),
        ("1 1 1 151.5 330", "whole numbers"),
        ("1 1 1 151 1e300", "whole numbers"),
        ("1 1 1 151", "not 5 finite numbers"),
    ],
)
def test_bad_label_row(folder, row, why):
    edited(folder, "RawData/labels.txt", 2, row)
    with pytest.raises(ValueError, match=rf"labels\.txt, line 2.*{why}"):
        load_hapt(folder)


@pytest.mark.parametrize("name", ["activity_labels.txt", "RawData/labels.txt"])
def test_empty_table(folder, name):
    (folder / name).write_text("")
    with pytest.raises(ValueError, match=rf"{name}, line 1"):
        load_hapt(folder)


@pytest.mark.parametrize("text", ["3 SITTING", "2", "2 WALKING", "2 SITTING DOWN", "x SITTING"])
def test_bad_activity(folder, text):
    edited(folder, "activity_labels.txt", 2, text)
    with pytest.raises(ValueError, match=r"activity_labels\.txt, line 2"):
        load_hapt(folder)


@pytest.mark.parametrize("people", ["5\n", "1\n2\n5\n"])
@pytest.mark.parametrize("subset", ["train", "test"])
def test_person_not_in_one_list(folder, people, subset):
    (folder / "Train/subject_id_train.txt").write_text(people)
    user = 1 if people == "5\n" else 2
    with pytest.raises(ValueError, match=f"User {user} must be in one of .*train.*test"):
        load_hapt(folder, subset=subset)


def test_nobody_in_subset(folder):
    (folder / "Train/subject_id_train.txt").write_text("1\n2\n5\n")
    (folder / "Test/subject_id_test.txt").write_text("7\n")
    with pytest.raises(ValueError, match="no recording of the test people"):
        load_hapt(folder, subset="test")
