"""The examples that are no pictures of the gallery: they run, and say what they need."""

import re
from pathlib import Path

import pytest
from helpers import processes

EXAMPLE = Path(__file__).parents[1] / "examples" / "search_with_optuna.py"
pytestmark = [pytest.mark.docs, pytest.mark.slow]

RUN = "import runpy, sys; del sys.argv[0]\n"
RUN_EXAMPLE = "runpy.run_path(sys.argv[0], run_name='__main__')"


def test_optuna_example(tmp_path):
    pytest.importorskip("optuna")
    out, err = tmp_path / "out", tmp_path / "err"
    example = processes.start(RUN + RUN_EXAMPLE, EXAMPLE, 2, out=out, err=err, strict=False)
    assert processes.status(example) == 0, err.read_text()
    said = out.read_text()
    assert re.search(r"best of 2 trials: mAP 0\.\d+ with", said)
    before, best = re.findall(r"test videos, \w+: (\d\.\d+)", said)
    assert 0 <= float(before) <= 1
    assert 0 <= float(best) <= 1


def test_optuna_example_says_what_it_needs(tmp_path):
    without = "sys.modules['optuna'] = None\n"
    script = RUN + without + RUN_EXAMPLE
    example = processes.start(script, EXAMPLE, err=tmp_path / "err", strict=False)
    assert processes.status(example) == 1
    said = (tmp_path / "err").read_text()
    assert said == "This example needs Optuna: pip install optuna\n"
