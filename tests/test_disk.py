import os
import stat
import sys
from pathlib import Path

import pytest

from sklearn_asn._disk import folders
from sklearn_asn._disk.files import allocate, finish_interrupted, write_atomically, write_together
from sklearn_asn._disk.folders import new_folder, recover
from sklearn_asn._disk.work import claim_file, claim_folder

posix = pytest.mark.skipif(sys.platform == "win32", reason="permissions and links of POSIX")


def put(path, text):
    write_atomically(path, lambda handle: handle.write(text.encode()))


def fill(folder, text, name="x"):
    with new_folder(folder, {"x"}) as work:
        (work / name).write_text(text)


@pytest.fixture(params=["one step", "two steps"])
def exchange(request, monkeypatch):
    if request.param == "two steps":
        monkeypatch.setattr(folders, "_exchange", lambda one, other: False)
    return request.param


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@posix
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o027, 0o002])
def test_permissions_follow_the_umask(tmp_path, mask, exchange):
    before = os.umask(mask)
    try:
        for _ in range(2):
            put(tmp_path / "file", "a")
            fill(tmp_path / "folder", "a")
            write_together(tmp_path / "folder", {"x": lambda handle: handle.write(b"b")})
    finally:
        os.umask(before)
    for path, mode in [("file", 0o666), ("folder", 0o777), ("folder/x", 0o666)]:
        assert stat.S_IMODE((tmp_path / path).stat().st_mode) == mode & ~mask


@posix
def test_a_symbolic_link_stays_one(tmp_path, exchange):
    (tmp_path / "real").mkdir()
    for name in ("file", "folder", "dangling"):
        (tmp_path / name).symlink_to(tmp_path / "real" / name)
    for text in ("old", "new"):
        put(tmp_path / "file", text)
        fill(tmp_path / "folder", text)
        put(tmp_path / "dangling", text)
        write_together(tmp_path, {"file": lambda handle, t=text: handle.write(t.encode())})
    for name in ("file", "folder", "dangling"):
        assert (tmp_path / name).is_symlink()
    assert (tmp_path / "real" / "file").read_text() == "new"
    assert (tmp_path / "real" / "folder" / "x").read_text() == "new"
    assert names(tmp_path / "real") == ["dangling", "file", "folder"]
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(OSError, match="loop"):
        put(tmp_path / "loop", "a")


@posix
def test_a_device_is_written_to_not_replaced():
    put(Path(os.devnull), "a")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_what_others_wrote_in_a_folder_is_not_deleted(tmp_path, exchange):
    fill(tmp_path / "folder", "old")
    (tmp_path / "folder" / "notes").write_text("mine")
    with pytest.raises(FileExistsError, match=r"also holds notes \(1 such"):
        fill(tmp_path / "folder", "new")
    assert (tmp_path / "folder" / "x").read_text() == "old"
    (tmp_path / "folder" / "notes").unlink()

    with (
        pytest.raises(FileExistsError, match="also holds late"),
        new_folder(tmp_path / "folder", {"x"}),
    ):
        (tmp_path / "folder" / "late").write_text("mine")  # while the new one is being filled
    assert names(tmp_path / "folder") == ["late", "x"]
    assert names(tmp_path) == ["folder"]


@posix
@pytest.mark.parametrize("name", ["x", "x" * 255, "é" * 127])
def test_leftovers_go_and_the_work_of_the_living_stays(tmp_path, name, exchange):
    path = tmp_path / name
    (tmp_path / "other").mkdir()
    left, descriptor = claim_file(path)
    os.close(descriptor)  # as the system does when a process ends
    put(path, "a")
    assert names(tmp_path) == sorted(["other", name])
    alive, descriptor = claim_file(path)
    assert alive == left
    put(path, "b")
    assert alive.exists()
    os.close(descriptor)
    put(path, "c")
    assert names(tmp_path) == sorted(["other", name])

    left, held = claim_folder(tmp_path / "folder")
    (left / "x").write_text("half")
    held.let_go()
    fill(tmp_path / "folder", "a")
    assert names(tmp_path) == sorted(["folder", "other", name])


def test_an_error_leaves_the_old(tmp_path, exchange):
    put(tmp_path / "file", "old")
    fill(tmp_path / "folder", "old")
    with pytest.raises(KeyError):
        write_atomically(tmp_path / "file", lambda handle: {}["no"])
    with pytest.raises(KeyError), new_folder(tmp_path / "folder", {"x"}):
        {}["no"]
    with pytest.raises(KeyError):
        write_together(
            tmp_path,
            {"file": lambda handle: handle.write(b"new"), "other": lambda handle: {}["no"]},
        )
    assert names(tmp_path) == ["file", "folder"]
    assert (tmp_path / "file").read_text() == "old"
    assert (tmp_path / "folder" / "x").read_text() == "old"


def test_a_folder_whose_replacement_was_interrupted_comes_back(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "_exchange", lambda one, other: False)
    fill(tmp_path / "folder", "old")
    rename, count = os.rename, []

    def failing(one, other):  # the second rename, and the one that would undo the first
        count.append(other)
        if len(count) > 1:
            raise OSError("no more")
        rename(one, other)

    monkeypatch.setattr("os.rename", failing)
    with pytest.raises(OSError, match="no more"):
        fill(tmp_path / "folder", "new")
    monkeypatch.setattr("os.rename", rename)
    assert not (tmp_path / "folder").exists()
    recover(tmp_path / "folder")
    assert (tmp_path / "folder" / "x").read_text() == "old"
    assert names(tmp_path) == ["folder"]


@posix
def test_files_that_were_decided_are_completed_by_a_reader(tmp_path):
    put(tmp_path / "a", "old")
    put(tmp_path / "b", "old")
    child = os.fork() if sys.version_info < (3, 12) else None
    if child is None:
        pytest.skip("fork with threads warns")
    if child == 0:
        replace = os.replace

        def last(one, other):
            if os.fspath(other).endswith("/b"):
                os._exit(0)
            replace(one, other)

        os.replace = last
        write_together(tmp_path, dict.fromkeys("ab", lambda handle: handle.write(b"new")))
    os.waitpid(child, 0)
    assert (tmp_path / "a").read_text() == "new"
    assert (tmp_path / "b").read_text() == "old"
    finish_interrupted(tmp_path)
    assert (tmp_path / "b").read_text() == "new"
    assert names(tmp_path) == ["a", "b"]


@pytest.mark.parametrize("known", [True, False])
def test_allocate(tmp_path, monkeypatch, known):
    if not known:
        monkeypatch.delattr("os.posix_fallocate", raising=False)
    with open(tmp_path / "x", "w+b") as handle:
        handle.write(b"head")
        allocate(handle, 3_000_000)
        assert handle.tell() == 4
    assert (tmp_path / "x").read_bytes() == b"head" + bytes(3_000_000)
