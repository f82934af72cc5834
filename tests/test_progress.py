"""What a fit shows with `verbose`: a bar on a terminal, a line elsewhere, never a mixture."""

import os
import re
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import EarlyStopping

from sklearn_asn import ASNLocalizer
from sklearn_asn._training.progress import Progress, redraws
from sklearn_asn.rivals import STPN, WTALC, AutoLoc, UntrimmedNet

FAST = {"max_epochs": 4, "batch_size": 16, "random_state": 0, "device": "cpu", "verbose": 1}
NUMBER = r"-?[\d.]+(?:e[+-]?\d+)?"
TIME = r"[\d.]+ s"


def asn(variant="bottleneck", **changes):
    return ASNLocalizer(variant, **{**FAST, "hidden_size": 4, **changes})


def python(script, *arguments, **options):
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(script), *map(str, arguments)]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "100", "TERM": "xterm"}
    return subprocess.Popen(command, env=env, **options)


def on_terminal(script, *arguments):
    """Run a script whose streams are one terminal; return what it wrote there."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    process = python(script, *arguments, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True)
    os.close(theirs)
    parts = []
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        parts.append(part)
    os.close(ours)
    assert process.wait() == 0, b"".join(parts).decode()
    return b"".join(parts).decode()


SETUP = """
    from sklearn.model_selection import GridSearchCV
    from sklearn_asn import ASNLocalizer
    from sklearn_asn.datasets import make_untrimmed_videos
    X, y = make_untrimmed_videos(n_videos=20, random_state=0)
    model = ASNLocalizer(
        "bottleneck", hidden_size=4, max_epochs=4, batch_size=5, random_state=0, device="cpu",
        verbose=1,
    )
"""


# ---------------------------------------------------------------- not a terminal


def test_silent_unless_asked(videos, capsys):
    asn(verbose=0).fit(*videos)
    assert capsys.readouterr() == ("", "")


def test_one_line_at_the_end_of_a_fit(videos, capsys):
    model = asn().fit(*videos)
    out, err = capsys.readouterr()
    found = re.fullmatch(
        rf"ASNLocalizer bottleneck: 4 epochs after 4 of temporal, loss ({NUMBER}), "
        rf"threshold ({NUMBER}), {TIME}\n",
        err,
    )
    assert out == ""
    assert found, err
    assert float(found[1]) == pytest.approx(model.history_[-1]["train_loss"], rel=0.01)
    assert float(found[2]) == pytest.approx(model.threshold_, rel=0.01)


def test_the_line_shows_the_threshold_at_the_quantile(videos, capsys):
    two = asn("two-stream", quantile=0.9).fit(*videos)
    first, second = re.search(
        rf"threshold ({NUMBER})/({NUMBER}), ", capsys.readouterr().err
    ).groups()
    np.testing.assert_allclose([float(first), float(second)], two.threshold_, rtol=0.01)


@pytest.mark.parametrize(
    ("model", "line"),
    [
        (STPN("temporal", **FAST), rf"STPN temporal: 4 epochs, loss {NUMBER}, {TIME}\n"),
        (UntrimmedNet(**FAST), rf"UntrimmedNet two-stream: 4 epochs, loss {NUMBER}, {TIME}\n"),
        (WTALC(8, **FAST), rf"WTALC: 4 epochs, loss {NUMBER}, {TIME}\n"),
        (
            AutoLoc(asn("temporal"), random_state=0, device="cpu", verbose=1),
            rf"ASNLocalizer temporal: 4 epochs, loss {NUMBER}, threshold {NUMBER}, {TIME}\n"
            rf"AutoLoc: 1 epoch, loss {NUMBER}, {TIME}\n",
        ),
    ],
)
def test_rivals_say_the_same(videos, capsys, model, line):
    clone(model).fit(*videos)
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(line, err), err


def test_the_default_localizer_of_autoloc_is_as_talkative(videos, capsys, monkeypatch):
    monkeypatch.setattr("sklearn_asn.rivals.autoloc.UntrimmedNet", lambda **given: asn(**given))
    AutoLoc(device="cpu", verbose=1).fit(*videos)
    assert [line.split(":")[0] for line in capsys.readouterr().err.splitlines()] == [
        "ASNLocalizer bottleneck",
        "AutoLoc",
    ]


def test_what_comes_from_memory_is_named(videos, capsys, tmp_path):
    model = asn("temporal", memory=str(tmp_path)).fit(*videos)
    trained = capsys.readouterr().err
    assert "memory" not in trained
    # neither quantile nor verbose are among the things that a training depends on
    clone(model).set_params(quantile=0.2, verbose=1).fit(*videos)
    assert "temporal: 4 epochs (taken from memory), loss" in capsys.readouterr().err
    clone(model).set_params(variant="bottleneck").fit(*videos)
    err = capsys.readouterr().err
    assert "bottleneck: 4 epochs after 4 of temporal (taken from memory), loss" in err


def test_a_fit_that_ends_early_counts_its_epochs(videos, capsys):
    stop = EarlyStopping(monitor="train_loss", patience=1, threshold=1e9)
    asn("temporal", max_epochs=20, callbacks=[stop]).fit(*videos)
    out, err = capsys.readouterr()
    assert out == ""  # what callbacks print would go through the bar
    assert re.match(r"ASNLocalizer temporal: [2-9] epochs, loss", err)


def test_two_prints_a_table(videos, capsys):
    asn("temporal", verbose=2).fit(*videos)
    out, err = capsys.readouterr()
    assert "train_loss" in out
    assert "attention" not in out
    assert len(out.splitlines()) == 2 + 4
    assert len(err.splitlines()) == 1
    AutoLoc(asn("temporal", verbose=0), max_epochs=2, device="cpu", verbose=2).fit(*videos)
    assert re.match(r"epoch 1: train_loss .* boxes\nepoch 2: ", capsys.readouterr().out)


def test_a_failed_fit_says_nothing_of_its_end(videos, capsys):
    with pytest.raises(FloatingPointError, match="diverged"):
        asn("temporal", lr=1e30, gradient_clip=None).fit(*videos)
    assert capsys.readouterr().err == ""


def test_a_line_is_one_write(monkeypatch):
    written = []
    monkeypatch.setattr(sys, "stderr", type("S", (), {"write": written.append, "flush": int})())
    with Progress("Something", 1, quantile=0.5) as progress:
        progress.start(3)
        progress.finish([{"train_loss": 0.5}], np.array([[0.0, 1.0, 2.0]]))
    assert len(written) == 1
    assert written[0].startswith("Something: 1 epoch (taken from memory), loss 0.5, threshold 1, ")
    assert repr(progress) == "Progress('Something', verbose=1)"


# ---------------------------------------------------------------- processes, and a terminal


SEARCHES = """
    import os, sys, time
    from pathlib import Path
    from joblib import Parallel, delayed

    def elsewhere(folder, n_processes):
        # once all are there, so that none comes twice, let this one write to a file
        (folder / str(os.getpid())).touch()
        while len(list(folder.iterdir())) < n_processes:
            time.sleep(0.01)
        file = os.open(folder.with_name("lines"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.dup2(file, 1)
        os.dup2(file, 2)

    model.fit(X, y)
    print("done")
    search = GridSearchCV(model, {"lr": [0.1, 0.2]}, cv=2, n_jobs=2, refit=False).fit(X, y)
    folder = Path(sys.argv[1])
    Parallel(n_jobs=2, batch_size=1)(delayed(elsewhere)(folder, 2) for _ in range(2))
    elsewhere(folder, 1)
    search.set_params(refit=True).fit(X, y)
"""


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """What a fit, and after it a search in two processes, show on one terminal, and in a file.

    The same processes search twice, so that torch is imported once in each.
    """
    folder = tmp_path_factory.mktemp("progress")
    (folder / "processes").mkdir()
    text = on_terminal(SETUP + SEARCHES, folder / "processes")
    fit, done, search = text.partition("done\r\n")
    return fit + done, search, (folder / "lines").read_text()


@pytest.mark.slow
def test_processes_of_a_search_write_whole_lines(shown):
    lines = shown[2].splitlines()
    assert len(lines) == 2 * 2 + 1
    for line in lines:
        assert re.fullmatch(
            rf"ASNLocalizer bottleneck: 4 epochs after 4 of temporal, loss {NUMBER}, "
            rf"threshold {NUMBER}, {TIME}",
            line,
        )


@pytest.mark.slow
def test_a_terminal_shows_one_bar_and_then_the_line(shown):
    text = shown[0]
    parts = [part for part in re.split("[\r\n]+", text) if part.strip()]
    *bars, line, last = parts
    assert last == "done"
    assert re.fullmatch(rf"ASNLocalizer bottleneck: 4 epochs after 4 of temporal, .*, {TIME}", line)
    assert bars[0].startswith("temporal (1 of 2) |")
    assert "| 0/4, " in bars[0]
    assert bars[-1].startswith("bottleneck (2 of 2) |")
    assert re.search(rf"\| 4/4, loss {NUMBER}, threshold {NUMBER}, 00:00 left$", bars[-1].rstrip())
    assert all(len(bar) <= 100 for bar in bars)
    assert text.count("\n") == 2  # the bar is drawn on one line


@pytest.mark.slow
def test_workers_do_not_draw_on_the_terminal_that_they_share(shown):
    text = shown[1]
    lines = text.split("\r\n")
    assert lines.pop() == ""
    assert len(lines) == 4
    for line in lines:
        assert re.fullmatch(rf"ASNLocalizer bottleneck: 4 epochs after .*, {TIME}", line)


def test_threads_and_files_do_not_draw():
    class Terminal:
        def isatty(self):
            return True

    class File:
        def isatty(self):
            return False

    assert redraws(Terminal())
    assert not redraws(File())
    notebook = type("OutStream", (File,), {"__module__": "ipykernel.iostream"})
    assert redraws(notebook())

    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        assert not pool.submit(redraws, Terminal()).result()


def test_search_in_this_process_has_a_line_a_fit(videos, capsys):
    GridSearchCV(asn("temporal"), {"lr": [0.1, 0.2]}, cv=2).fit(*videos)
    assert len(capsys.readouterr().err.splitlines()) == 5
