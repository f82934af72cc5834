"""Faults for writers: killed at a line, stopped at a line, a full disk, a call that fails, a flip.

``python tests/faults.py`` tries every one of them on every writer and prints what came out.
"""

import errno
import os
import resource
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path

import sklearn_asn

ROOT = Path(sklearn_asn.__file__).parent
# lines of these count: all that is between a public call and the disk
WATCHED = ("_disk", "_data/folder.py", "_data/writer.py", "interchange/_files.py", "_sources.py")
CALLS = ("fsync", "replace", "rename", "link", "mkdir", "open", "unlink", "ftruncate")
KILLED = 86


def _tracer(stop_at, act):
    """Return a trace function that calls `act` at the `stop_at`-th watched line, and its count."""
    count = [0]
    watched = {}

    def line(frame, event, arg):
        if event == "line":
            count[0] += 1
            if count[0] == stop_at:
                sys.settrace(None)
                act()
        return line

    def call(frame, event, arg):
        name = frame.f_code.co_filename
        if name not in watched:
            inside = name.startswith(str(ROOT))
            watched[name] = inside and any(part in name for part in WATCHED)
        return line if watched[name] else None

    return call, count


def lines_of(write, *args):
    """Run a writer to its end; return how many watched lines it has."""
    trace, count = _tracer(0, None)
    before = sys.gettrace()  # coverage's, where the tests are measured
    sys.settrace(trace)
    try:
        write(*args)
    finally:
        sys.settrace(before)
    return count[0]


def killed_at(n, write, *args):
    """Run a writer in a child process that ends, without any farewell, before the n-th line."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # threads that are idle
        child = os.fork()
    if child == 0:
        try:
            sys.settrace(_tracer(n, lambda: os._exit(KILLED))[0])
            write(*args)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == KILLED


def interrupted_at(n, write, *args):
    """Run a writer, with Ctrl-C before the n-th line; tell whether it came."""

    def interrupt():
        raise KeyboardInterrupt

    before = sys.gettrace()
    sys.settrace(_tracer(n, interrupt)[0])
    try:
        write(*args)
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


@contextmanager
def full_disk(size):
    """Let no file grow beyond `size` octets: the system takes a part, then refuses the rest."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def failing_call(name, n, times=1):
    """Let the n-th call of ``os.name``, and `times` - 1 after it, say that the disk is full."""
    original, count = getattr(os, name), [0]

    def call(*args, **kwargs):
        count[0] += 1
        if n <= count[0] < n + times:
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(*args, **kwargs)

    setattr(os, name, call)
    try:
        yield count
    finally:
        setattr(os, name, original)


@contextmanager
def flipped(path, position, bit):
    """Change one bit of a file."""
    whole = path.read_bytes()
    changed = bytearray(whole)
    changed[position] ^= 1 << bit
    path.write_bytes(changed)
    try:
        yield
    finally:
        path.write_bytes(whole)


def leftovers(folder):
    """Return working files and folders of ours that lie there, at any depth."""
    return [str(path) for path in folder.rglob("*sklearn_asn-*")]


class Writer:
    """One writer under test: how the old is made, how the new is written, how both are read.

    `read` returns a value that can be compared, or raises; ``None`` stands for nothing there.
    """

    def __init__(self, old, new, read):
        self.old, self.new, self.read = old, new, read

    def expected(self, folder):
        """Return what is read before and after, in two folders of their own."""
        values = []
        for name, writes in (("before", [self.old]), ("after", [self.old, self.new])):
            (folder / name).mkdir()
            for write in writes:
                write(folder / name)
            values.append(self.read(folder / name))
        return values

    def outcome(self, folder, before, after):
        """Name what is there: old, new, an error that names the folder, or something wrong."""
        try:
            found = self.read(folder)
        except (ValueError, OSError) as error:
            return "error" if str(folder) in str(error) else f"unclear error: {error!r}"
        if found == after:
            return "new"
        return "old" if found == before else f"wrong: {found!r}"
