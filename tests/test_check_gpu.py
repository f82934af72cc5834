"""`benchmarks/check_gpu.py` at a tiny size, as a machine without a GPU runs it."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers import processes

CODE = Path(__file__).parents[1]
SCRIPT = CODE / "benchmarks" / "check_gpu.py"
#: They start processes, or a compiler, and have tests of their own on the CPU.
SLOW = ("compile", "joblib, opened without a GPU", "n_jobs=2")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SCRIPT.is_file(), reason="the benchmarks are not here"),
]


#: In the folder, on no path where the checkout is: the script finds it from its own place.
RUN = f"""
import os, pathlib, runpy, sys
os.chdir(sys.argv[1])
ours = [{str(CODE)!r}, {str(CODE / "tests")!r}]
sys.path[:] = [path for path in sys.path if str(pathlib.Path(path).resolve()) not in ours]
sys.argv = sys.argv[2:]
"""


def run(tmp_path, *given, prefix=""):
    """Run the script in an empty folder; return that, its status and its streams."""
    folder, out, err = (tmp_path / name for name in ("folder", "out", "err"))
    folder.mkdir()
    script = f"{RUN}\n{prefix}\nrunpy.run_path(sys.argv[0], run_name='__main__')"
    process = processes.start(
        script, folder, SCRIPT, *given, out=out, err=err, strict=False, CUDA_VISIBLE_DEVICES=""
    )
    status = processes.status(process, 600)
    return SimpleNamespace(
        folder=folder, returncode=status, stdout=out.read_text(), stderr=err.read_text()
    )


@pytest.mark.docs
def test_the_cpu_half_runs_and_writes_one_file(tmp_path):
    done = run(tmp_path, "--tiny", "--out", "found.json", "--leave-out", *SLOW)
    assert not done.returncode, done.stdout + done.stderr
    assert [file.name for file in done.folder.iterdir()] == ["found.json"]
    found = json.loads((done.folder / "found.json").read_text())
    checks = found["checks"]
    assert {name for name, check in checks.items() if check["status"] != "ok"} == set(SLOW)
    assert {"same as the CPU: bilinear", "features are resident"} <= checks.keys()
    assert all(check["gap"] <= 1e-4 for name, check in checks.items() if "same" in name)
    assert found["commit"]
    assert "card" not in found["machine"]
    for variant in ("temporal", "bottleneck", "bilinear"):
        for what in ("step", "forward"):
            assert found["results"][f"cpu, {variant}: {what} / loop by hand"]["value"] > 0
            assert found["results"][f"cpu, {variant}: {what} / floor of bandwidth"]["value"] >= 1


def test_modules_that_are_missing_are_all_named(tmp_path):
    hide = "sys.modules['skorch'] = sys.modules['tqdm'] = None"
    done = run(tmp_path, prefix=hide)
    assert done.returncode == 2
    lines = [line.strip().split(" ")[0] for line in done.stdout.splitlines()[1:]]
    assert lines == ["skorch", "tqdm"]
    assert not list(done.folder.iterdir())


def test_a_failed_check_is_kept_and_is_the_status(tmp_path):
    broken = f"""
sys.path[:0] = [{str(CODE)!r}, {str(CODE / "tests")!r}]
import gpu_cases
def fails(**given): raise AssertionError("the numbers differ")
gpu_cases.CHECKS = {{"one": (fails, {{}}), "two": (lambda **given: {{"gap": 0.0}}, {{}})}}
"""
    done = run(tmp_path, "--tiny", "--no-measures", prefix=broken)
    found = json.loads((done.folder / "gpu.json").read_text())["checks"]
    assert done.returncode == 1, done.stderr
    assert "the numbers differ" in found["one"]["why"]
    assert (found["two"]["status"], found["two"]["gap"]) == ("ok", 0.0)


def test_what_no_time_was_left_for_is_said(tmp_path):
    done = run(tmp_path, "--tiny", "--no-measures", "--minutes", "0")
    found = json.loads((done.folder / "gpu.json").read_text())["checks"]
    assert not done.returncode, done.stderr
    assert {check["status"] for check in found.values()} == {"not run"}
    assert f"{len(found)} not run" in done.stdout
