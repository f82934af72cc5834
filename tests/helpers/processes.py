"""Processes of their own that cost no import of torch: forks of a server that has imported it.

The package itself is not among what the server imports: each process imports it anew.
"""

import multiprocessing
import os
import sys
import textwrap
import warnings
from contextlib import contextmanager
from unittest import mock

from joblib.externals.loky.backend.context import get_start_method, set_start_method

#: What the package imports of others; the last by torch, once a network is trained.
PRELOADED = ["numpy", "pandas", "scipy.special", "joblib", "sklearn.model_selection", "tqdm"]
PRELOADED += ["torch", "skorch.callbacks", "torch._dynamo"]


def context():
    """Return the server's context, or that of plain new processes where nothing can fork."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    with mock.patch.dict(os.environ, OMP_NUM_THREADS="1"):
        from multiprocessing.forkserver import ensure_running

        ensure_running()
    return context


@contextmanager
def for_joblib():
    """Let the processes that joblib starts (loky's) be forks of the server, too."""
    before = get_start_method()
    set_start_method(context().get_start_method(), force=True)
    try:
        yield
    finally:
        set_start_method(before, force=True)


def _run(script, arguments, output, strict, environment):
    assert not [name for name in sys.modules if name.split(".")[0] == "sklearn_asn"]
    for descriptor, path in enumerate(output, start=1):
        if path is not None:
            opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(opened, descriptor)
            os.close(opened)
    os.environ.update(environment)
    sys.argv = ["-c", *arguments]
    if strict:
        warnings.resetwarnings()
        warnings.simplefilter("error")
    main = sys.modules["__main__"]
    exec(compile(textwrap.dedent(script), "<script>", "exec"), vars(main))


def start(script, *arguments, out=None, err=None, strict=True, **environment):
    """Start a process that runs a script with arguments; return the `multiprocessing.Process`.

    `out` and `err` are files that its standard streams are appended to; `strict`: whether warnings
    are errors.
    """
    given = (script, [str(argument) for argument in arguments], (out, err), strict, environment)
    process = context().Process(target=_run, args=given)
    process.start()
    return process


def status(process, seconds=120):
    """Wait for a process; return its exit status."""
    process.join(seconds)
    assert process.exitcode is not None, f"the process still runs after {seconds} s"
    return process.exitcode
