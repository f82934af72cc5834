"""What benchmarks keep: runs by commit, held beside each other, and the page of them."""

import copy
import importlib
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "benchmarks"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the benchmarks are not here")


@pytest.fixture
def script(monkeypatch):
    """Import a script of the benchmarks."""
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module
    for name in ("_keep", "compare", "kept_page"):
        sys.modules.pop(name, None)


RUN = {
    "benchmark": "bench_a",
    "commit": "aaaaaaaaaa",
    "committed": "2026-01-01T00:00:00Z",
    "date": "2026-01-03T00:00:00Z",
    "machine": {"cpu": "x", "cores": 2, "python": "3.11.7", "torch": "2.3", "numpy": "1.26"},
    "settings": {"videos": 10},
    "results": {
        "step": {"value": 10.0, "unit": "ms", "better": "less", "target": 12},
        "step / by hand": {"value": 1.0, "unit": "ratio", "better": "less"},
        "loops / package": {"value": 30.0, "unit": "ratio", "better": "more", "target": 50},
        "gone": {"value": 1.0, "unit": "ms", "better": "less"},
    },
}


def later(**values):
    run = copy.deepcopy(RUN)
    run.update(commit="bbbbbbbbbb", committed="2026-01-02T00:00:00Z")
    del run["results"]["gone"]
    names = {"step": "step", "hand": "step / by hand", "loops": "loops / package"}
    for name, value in values.items():
        run["results"][names[name]]["value"] = value
    return run


def write(folder, *runs):
    for run in runs:
        (folder / f"{run['benchmark']}-{run['commit']}.json").write_text(json.dumps(run))


def test_a_run_is_kept_by_the_commit_of_the_package(script, tmp_path, monkeypatch):
    keep = script("_keep")
    monkeypatch.setattr(keep, "FOLDER", tmp_path)
    kept = keep.Kept("bench_a", videos=3)
    kept.add("step", 1.5, "ms", 2)
    commit, committed = keep.commit_of(ROOT)
    assert keep.checkout() == ROOT
    assert kept.write().name == f"bench_a-{commit}.json"
    found = json.loads(kept.default_path.read_text())
    assert found["results"] == {"step": {"value": 1.5, "unit": "ms", "better": "less", "target": 2}}
    assert (found["commit"], found["committed"]) == (commit, committed)
    assert found["settings"] == {"videos": 3}
    assert keep.commit_of(tmp_path) == ("unknown", "")


def test_what_became_worse_is_said_and_is_the_status(script, tmp_path, capsys):
    main = script("compare").main
    write(tmp_path, RUN, later(step=5.0, hand=1.1, loops=10.0))
    assert main(["aaaa", "bbbb", "--kept", str(tmp_path)]) == 1
    said = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert said == [
        "bench_a: aaaaaaaaaa and bbbbbbbbbb",
        "step 10 5 ms 2.00x better",
        "step / by hand 1 1.1 ratio the same",
        "loops / package 30 10 ratio 3.00x WORSE",
        "3 results, 1 worse by more than 1.15x",
    ]
    assert main(["bbbb", "aaaa", "--kept", str(tmp_path), "--tolerance", "2.5"]) == 0
    files = [str(file) for file in sorted(tmp_path.iterdir())]
    assert main(files) == 1


def test_times_of_other_machines_and_settings_are_not_compared(script, tmp_path, capsys):
    main = script("compare").main
    other = later(step=1000.0)
    other["machine"]["cpu"] = "y"
    write(tmp_path, RUN, other)
    assert main(["a", "b", "--kept", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "only ratios are compared: cpu: x and y" in out
    assert "1000" not in out
    other = later(step=1000.0)
    other["settings"]["videos"] = 11
    write(tmp_path, other)
    assert main(["a", "b", "--kept", str(tmp_path)]) == 0
    assert "videos=10 and 11" in capsys.readouterr().out


def test_nothing_to_compare(script, tmp_path, capsys):
    main = script("compare").main
    write(tmp_path, RUN)
    assert main(["aaaa", "cccc", "--kept", str(tmp_path)]) == 2
    assert "'cccc' is neither a file nor" in capsys.readouterr().err
    other = later()
    other["benchmark"] = "bench_b"
    write(tmp_path, other)
    assert main(["aaaa", "bbbb", "--kept", str(tmp_path)]) == 2
    assert "no result that both have" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["aaaa", "bbbb", "--tolerance", "0.9"])


def test_a_commit_is_not_its_changes(script, tmp_path):
    runs_of = script("compare").runs_of
    changed = later()
    changed["commit"] = RUN["commit"] + "+"
    write(tmp_path, RUN, changed)
    assert runs_of("aaaa", tmp_path)["bench_a"]["commit"] == RUN["commit"]
    assert runs_of(RUN["commit"] + "+", tmp_path)["bench_a"] == changed
    write(tmp_path, {**RUN, "commit": "aaaaaaaaac"})
    with pytest.raises(ValueError, match="neither a file nor the beginning of one commit"):
        runs_of("aaaa", tmp_path)


def test_the_page_has_a_column_a_commit(script, tmp_path):
    page = script("kept_page")
    write(tmp_path, later(step=15.0), RUN)
    found = page.kept_runs(tmp_path)
    assert [run["commit"] for run in found["bench_a"]] == ["aaaaaaaaaa", "bbbbbbbbbb"]
    text = page.page(found)
    assert "| step | ms | 10 | 15 | ≤ 12, missed |" in text
    assert "| loops / package | ratio | 30 | 30 | ≥ 50, missed |" in text
    assert "| gone | ms | 1 | - |  |" in text
    pytest.importorskip("matplotlib")
    page.plot(found, tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_the_page_is_of_what_is_kept(script):
    page = script("kept_page")
    assert page.PAGE.read_text(encoding="utf-8") == page.page(page.kept_runs())
