import itertools
import os
import sys
from collections import Counter

import numpy as np
import pytest
from fault_cases import ARRAYS, IDS, WRITERS, clips, content, segments, written
from faults import (
    CALLS,
    failing_call,
    flipped,
    full_disk,
    interrupted_at,
    killed_at,
    leftovers,
    lines_of,
)
from helpers import processes

from sklearn_asn import Clips, ClipsWriter, Segments

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and resource limits")
# Ctrl-C between opening a file and keeping it leaves the file to Python's collector
pytestmark = [posix, pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]
TALLY = Counter()
EXHAUSTIVE = (
    pytest.mark.slow,
    pytest.mark.skipif(
        "SKLEARN_ASN_EVERY_FAULT" not in os.environ,
        reason="takes minutes; SKLEARN_ASN_EVERY_FAULT=1 tries every line and every bit",
    ),
)


@pytest.fixture(scope="module", autouse=True)
def figures():
    """Print, with ``-s``, what came out of all faults."""
    yield
    print("", *(f"{kind}: {n}" for kind, n in sorted(TALLY.items())), sep="\n")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """Spare the disk: of a process that is killed, the system keeps all that it wrote."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


@pytest.fixture(params=WRITERS)
def case(request, tmp_path):
    writer = WRITERS[request.param]
    return writer, tmp_path, *writer.expected(tmp_path)


def attempts(case, faults, kind):
    """Try faults, each on an old state of its own, and then the same writer without one."""
    writer, base, before, after = case
    for n, fault in faults:
        folder = base / f"{kind}-{n}".replace(" ", "-")
        folder.mkdir()
        writer.old(folder)
        if not fault(lambda folder=folder: writer.new(folder)):
            continue
        found = writer.outcome(folder, before, after)
        TALLY[f"{kind}, {found}"] += 1
        assert found in ("old", "new"), (n, found)
        writer.new(folder)
        assert writer.outcome(folder, before, after) == "new", n
        yield folder


def points(case, tmp_path, n_points):
    writer = case[0]
    (tmp_path / "counted").mkdir()
    writer.old(tmp_path / "counted")
    n = lines_of(writer.new, tmp_path / "counted")
    assert n > 10
    return range(1, n + 1) if n_points is None else range(1, n + 1, max(1, n // n_points))


@pytest.mark.slow
@pytest.mark.parametrize("n_points", [6, pytest.param(None, marks=EXHAUSTIVE, id="every line")])
def test_killed_at_a_line(case, tmp_path, n_points):
    faults = [(n, lambda write, n=n: killed_at(n, write)) for n in points(case, tmp_path, n_points)]
    for folder in attempts(case, faults, "killed"):
        assert leftovers(folder) == []  # the next run cleaned up


@pytest.mark.slow
@pytest.mark.parametrize("n_points", [9, pytest.param(None, marks=EXHAUSTIVE, id="every line")])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # files left open
def test_interrupted_at_a_line(case, tmp_path, n_points):
    lines = points(case, tmp_path, n_points)
    faults = [(n, lambda write, n=n: interrupted_at(n, write)) for n in lines]
    for _ in attempts(case, faults, "interrupted"):
        pass


def test_full_disk(case):
    def fault(size):
        def failed(write):
            with full_disk(size):
                try:
                    write()
                except OSError:
                    return True
            return False

        return failed

    faults = [(size, fault(size)) for size in (0, 1, 30, 100, 130, 170, 250, 1000)]
    for folder in attempts(case, faults, "full disk"):
        assert leftovers(folder) == []


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 1000])
def test_a_call_of_the_system_fails(case, times):
    def fault(name, n):
        def failed(write):
            with failing_call(name, n, times):
                try:
                    write()
                except OSError:
                    return True
            return False

        return failed

    names = [(f"{name}-{n}-{times}", fault(name, n)) for name in CALLS for n in (1, 2, 4)]
    for _ in attempts(case, names, "failing call"):
        pass


# ------------------------------------------------------------------ the writer of many videos


def prefix(folder):
    """Return how many videos a folder holds, which must be the first ones, each as it was."""
    found = content(folder / "clips")
    if found is None:
        return 0
    rows, names, _ = found
    assert (names or []) == IDS[: len(rows)]
    assert rows == [array.tobytes() for array in ARRAYS[: len(rows)]]
    return len(rows)


def start(folder, begun):
    folder.mkdir()
    if begun:
        written(folder, range(2))


@pytest.mark.slow
@pytest.mark.parametrize("begun", [False, True], ids=["new", "going on"])
@pytest.mark.parametrize("n_points", [9, pytest.param(None, marks=EXHAUSTIVE, id="every line")])
@pytest.mark.parametrize("how", [killed_at, interrupted_at])
def test_a_clips_writer_stopped_at_a_line(tmp_path, begun, n_points, how):
    def write(folder):
        written(folder, range(4), append=True)

    start(tmp_path / "counted", begun)
    n_lines = lines_of(write, tmp_path / "counted")
    assert prefix(tmp_path / "counted") == 4
    step = 1 if n_points is None else max(1, n_lines // n_points)
    for n in range(1, n_lines + 1, step):
        start(tmp_path / str(n), begun)
        if not how(n, write, tmp_path / str(n)):
            continue
        found = prefix(tmp_path / str(n))
        TALLY[f"ClipsWriter {how.__name__}, {found} videos"] += 1
        assert found >= 2 * begun
        write(tmp_path / str(n))
        assert prefix(tmp_path / str(n)) == 4, n
        assert Clips.open(tmp_path / str(n) / "clips").verify() == 4


def append_all(folder):
    """Append all videos, each tried twice; return the numbers of those that were appended."""
    writer = ClipsWriter(folder, append=True)
    done = []
    for i in range(4):
        for _ in range(2):
            try:
                writer.append(ARRAYS[i], clip_seconds=0.5, id=IDS[i])
            except OSError:
                continue
            done.append(i)
            break
    try:
        writer.close()
    except OSError:
        with pytest.raises(OSError, match="not finished"):
            writer.close()
    return done


def check_appended(folder, done):
    """All that was reported as appended is there, under its own name, and goes on."""
    found = Clips.open(folder) if done else []
    assert [video.tobytes() for video in found] == [ARRAYS[i].tobytes() for i in done]
    if done:
        assert found.ids.tolist() == [IDS[i] for i in done]
    with ClipsWriter(folder, append=True) as again:
        assert len(again) == len(done)
        again.append(ARRAYS[0], clip_seconds=0.5, id="last")
    assert Clips.open(folder)[len(done)].tobytes() == ARRAYS[0].tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("times", [1, 2, 1000])
def test_a_clips_writer_goes_on_after_a_failed_call(tmp_path, name, times):
    every = "SKLEARN_ASN_EVERY_FAULT" in os.environ
    for n in range(1, 16) if every else (1, 2, 3, 5, 8, 13):
        with failing_call(name, n, times) as count:
            try:
                done = append_all(tmp_path / str(n))
            except OSError:  # not even begun
                done = []
        TALLY[f"ClipsWriter failing call, {len(done)} videos"] += 1
        check_appended(tmp_path / str(n), done)
        if count[0] < n:
            break


@pytest.mark.slow
def test_a_clips_writer_on_a_full_disk_that_has_room_again(tmp_path):
    for size in itertools.chain(range(0, 300, 7), [400, 600]):
        folder = tmp_path / str(size)
        writer = ClipsWriter(folder)
        done = []
        for i in range(4):
            with full_disk(size if i % 2 else 10**6):
                try:
                    writer.append(ARRAYS[i], clip_seconds=0.5, id=IDS[i])
                    done.append(i)
                except OSError:
                    TALLY["ClipsWriter full disk, error"] += 1
        writer.close()
        check_appended(folder, done)


# ------------------------------------------------------------------ flips


def flips(folder, read, want, step):
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        for position in range(0, path.stat().st_size, step):
            with flipped(path, position, position % 8):
                found, error = None, ""
                try:
                    found = read()
                except ValueError as problem:
                    error = str(problem)
                # of a zip's dates, say, nothing depends
                TALLY["flipped, error" if error else "flipped, the same"] += 1
                assert found == want or str(folder) in error, (path.name, position)


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize("step", [9, pytest.param(1, marks=EXHAUSTIVE)])
def test_a_flipped_bit_in_a_folder_of_clips(tmp_path, finished, step):
    writer = ClipsWriter(tmp_path / "clips")
    writer.extend(clips(0, 1, 2, 3))
    if finished:
        writer.close()
    want = content(tmp_path / "clips")
    flips(tmp_path, lambda: content(tmp_path / "clips"), want, step)
    writer.close()


@pytest.mark.parametrize("step", [7, pytest.param(1, marks=EXHAUSTIVE)])
def test_a_flipped_bit_in_a_file_of_segments(tmp_path, step):
    path = segments(3).save(tmp_path / "y.npz")
    flips(tmp_path, lambda: Segments.open(path), segments(3), step)


def test_truncated_at_any_length(tmp_path):
    clips(0, 1, 2).save(tmp_path / "clips")
    segments(3).save(tmp_path / "y.npz")
    for path in sorted(path for path in tmp_path.rglob("*") if path.is_file()):
        whole = path.read_bytes()
        read = Segments.open if path.suffix == ".npz" and path.stem == "y" else None
        for size in range(0, len(whole), 11):
            path.write_bytes(whole[:size])
            with pytest.raises(ValueError, match=str(tmp_path)):
                read(path) if read else content(tmp_path / "clips")
            TALLY["truncated, error"] += 1
        path.write_bytes(whole)


SAVING = """
import sys
import numpy as np
from sklearn_asn import Clips
for i in range(int(sys.argv[2])):
    number = i % 2 + 1
    clips = Clips.from_list([np.full((3, 2), float(number))], ids=[str(number)])
    clips.save(sys.argv[1], overwrite=True)
"""


@pytest.mark.slow
def test_a_reader_never_sees_a_mixture_while_a_folder_is_saved_over(tmp_path):
    folder = Clips.from_list([np.full((3, 2), 1.0)], ids=["1"]).save(tmp_path / "clips")
    process = processes.start(
        SAVING, folder, 1000 if "SKLEARN_ASN_EVERY_FAULT" in os.environ else 120
    )
    seen = Counter()
    while process.is_alive():
        found = Clips.open(folder)
        assert np.all(found[0] == float(found.ids[0]))
        seen[str(found.ids[0])] += 1
    assert processes.status(process) == 0
    assert len(seen) == 2
