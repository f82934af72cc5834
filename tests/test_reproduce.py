"""The scripts of examples/reproduce, each run by its `main` on little data."""

import importlib
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.data import DATA
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, ClipWise
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.exceptions import ShortScalesWarning

mpl = pytest.importorskip("matplotlib")
pytestmark = [pytest.mark.docs, pytest.mark.slow]
SCRIPTS = Path(__file__).parents[1] / "examples" / "reproduce"
SHARED = ("_data", "_settings", "_report", "_heads", "_manifest", "_packing")
OURS = {  # rows that are trained
    "table1": 6,
    "table2": 10,
    "table3": 4,
    "table4": 7,
}
PAPERS = {"table1": 10, "table2": 10, "table3": 4, "table4": 19}


@pytest.fixture
def script(monkeypatch):
    """Import a script as Python runs it, its folder first on the path; leave nothing behind."""
    if not SCRIPTS.is_dir():
        pytest.skip("examples/reproduce is not beside the tests")
    backend, threads = mpl.get_backend(), torch.get_num_threads()
    torch.set_num_threads(1)  # the nets are tiny
    monkeypatch.syspath_prepend(str(SCRIPTS))
    names = (*SHARED, *PAPERS, "figure4", "figure5", "ceiling")
    assert not set(names) & set(sys.modules)
    yield importlib.import_module
    for name in names:
        sys.modules.pop(name, None)
    mpl.use(backend)
    torch.set_num_threads(threads)


def check_table(path, name):
    table = pd.read_csv(path / f"{name}-quick.csv", keep_default_na=True)
    ours, paper = (table[table["source"] == source] for source in ("ours", "paper"))
    assert (len(ours), len(paper)) == (OURS[name], PAPERS[name])
    assert set(ours["model"]) <= set(paper["model"])
    values = ours.drop(columns=["model", "source"]).to_numpy()
    assert np.isfinite(values).all()
    assert ((values >= 0) & (values <= 100)).all()
    return table.set_index(["model", "source"])


@pytest.mark.parametrize("name", PAPERS)
def test_tables(script, tmp_path, capsys, name):
    script(name).main(["synthetic", "--quick", "--out", str(tmp_path)])
    table = check_table(tmp_path, name)
    assert (table.xs("ours", level="source")["0.5"] > 0).any()
    printed = capsys.readouterr().out
    assert "activitynet rule" in printed
    assert "orientation only" in printed


@pytest.mark.parametrize("name", ["figure4", "figure5"])
def test_figures(script, tmp_path, name):
    module = script(name)
    module.main(["synthetic", "--quick", "--seeds", "2", "--out", str(tmp_path)])
    table = pd.read_csv(tmp_path / f"{name}-quick.csv")
    assert len(table) == 9 * len(module.STREAMS)
    values = table[["map_mean", "map_std"]].to_numpy()
    assert np.isfinite(values).all()
    assert ((values >= 0) & (values <= 100)).all()
    assert (tmp_path / f"{name}-quick.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((tmp_path / f"{name}-quick.json").read_text())["quick"] is True


@pytest.fixture
def heads(tmp_path):
    """Two linear heads a stream, fitted here to the synthetic videos."""
    X, y = make_untrimmed_videos(45, random_state=0)
    X = ClipWise(StandardScaler()).fit_transform(X)
    given = {}
    for stream in ("temporal", "spatial"):
        model = ASNLocalizer(stream, max_epochs=30, clips_per_video=5, random_state=0).fit(X, y)
        for part, name in (("classification", "action"), ("attention", "attention")):
            for kind in ("weight", "bias"):
                array = model.model_.weights[f"models.0.{part}.{kind}"]
                given[f"{stream}_{name}_{kind}"] = array
    given["classes"] = model.classes_
    np.savez(tmp_path / "heads.npz", **given)
    return tmp_path / "heads.npz"


def test_pretrained_rows_and_figure_5_of_given_heads(script, tmp_path, heads):
    common = ["synthetic", "--quick", "--out", str(tmp_path), "--heads", str(heads)]
    table1 = script("table1")
    table1.main(common)
    table = pd.read_csv(tmp_path / "table1-quick.csv").set_index(["model", "source"])
    rows = table.loc[[(name, "ours") for name in table1.PRETRAINED]]
    assert (rows["recognition"] > 50).all()
    script("figure5").main(common)
    curves = pd.read_csv(tmp_path / "figure5-quick.csv")
    at_half = curves[curves["quantile"] == 0.5].set_index("model")["map_mean"]
    for name, row in (("Flow", "Flow pretrained"), ("Two-stream", "Two-stream pretrained")):
        assert at_half[name] == pytest.approx(table.loc[(row, "ours"), "0.5"], abs=0.01)


def test_heads_that_are_not_there(script, tmp_path):
    load = script("_heads").load_heads
    with pytest.raises(SystemExit, match="not there"):
        load(tmp_path / "none.npz")
    np.savez(tmp_path / "a.npz", temporal_action_weight=np.ones((2, 3)), classes=["a", "b"])
    with pytest.raises(SystemExit, match="temporal_action_bias"):
        load(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", classes=["a", "b"])
    with pytest.raises(SystemExit, match="no stream"):
        load(tmp_path / "b.npz")


def test_released_autoloc_detections_give_the_papers_row(script):
    path = DATA / "autoloc" / "AN12_autoloc_pred.csv"
    if not path.is_file():
        pytest.skip("AutoLoc's detections are not beside the repository (../shared/data/autoloc)")
    table3 = script("table3")
    paper = [float(cell) for cell in table3.PAPER["AutoLoc [30]"].split()[:-1]]
    np.testing.assert_allclose(table3.released(path, "activitynet"), paper, atol=0.051)


def write_videos(folder, X, chosen, names, split=False):
    """Write one .npy a video: side by side, or each stream in a folder of its own."""
    for stream in ("rgb", "flow") if split else (".",):
        (folder / stream).mkdir(parents=True)
    half = X.n_features // 2
    for i, name in zip(chosen, names, strict=True):
        if split:
            np.save(folder / "rgb" / f"{name}.npy", X[i][:, :half])
            np.save(folder / "flow" / f"{name}.npy", X[i][:, half:])
        else:
            np.save(folder / f"{name}.npy", X[i])


@pytest.fixture(scope="module")
def small():
    return make_untrimmed_videos(24, n_classes=2, trimmed_videos=4, random_state=0)


def write_thumos14(root, X, y):
    """Write the layout of `_data`: 30 frames a second, so that a clip is half a second."""
    classes = {"class_0": "Billiards", "class_1": "Diving"}
    for subset, short, chosen in (
        ("validation", "val", range(16)),
        ("test", "test", range(16, 24)),
    ):
        names = [f"video_{subset}_{i:07d}" for i in chosen]
        write_videos(root / "features" / short, X, chosen, names)
        folder = root / "annotations" / f"thumos14-{short}-annotations"
        folder.mkdir(parents=True)
        (folder / "detclasslist.txt").write_text("12 Billiards\n26 Diving\n")
        lines = dict.fromkeys((*classes.values(), "Ambiguous"), "")
        table = "video,primary_action,duration_s,n_frames,fps\n"
        for i, name in zip(chosen, names, strict=True):
            for label, start, end, _ in y[i]:
                lines[classes[label]] += f"{name}  {start / 2:.2f} {end / 2:.2f}\n"
            action = classes[y[i][0].label]
            table += f"{name},{action},{len(X[i]) / 2},{15 * len(X[i])},30\n"
        lines["Ambiguous"] = f"{names[0]}  0.0 0.5\n"
        for name, text in lines.items():
            (folder / f"{name}_{short}.txt").write_text(text)
        (root / "annotations" / f"{short}_videos.csv").write_text(table)
    labels = [classes[y[i][0].label] for i in range(24, 28)]
    names = [f"v_{label.upper()}_g01_c{i:02d}" for i, label in enumerate(labels)]
    write_videos(root / "features" / "train", X, range(24, 28), names)


# the videos here have fewer windows of 20 rows than training samples
SHORT = pytest.mark.filterwarnings("ignore::sklearn_asn.exceptions.ShortVideosWarning")


@SHORT
@pytest.mark.parametrize("protocol", ["activitynet", "thumos14"])
def test_thumos14_folder(script, tmp_path, capsys, small, protocol):
    X, y = small
    write_thumos14(tmp_path, X, y)
    data = script("_data").load(str(tmp_path))
    assert data.settings == "thumos14"
    assert data.classes == ["Billiards", "Diving"]
    assert data.trimmed.tolist() == [False] * 16 + [True] * 4
    assert set().union(*data.y_train) == {"Billiards", "Diving"}  # UCF101's in their spelling
    np.testing.assert_allclose(data.X_segments.clip_seconds, 0.5)
    np.testing.assert_allclose(data.X_segments.start_seconds, 1 / 30)
    np.testing.assert_array_equal(data.X_segments[0], X[16])
    options = ["--quick", "--out", str(tmp_path / "made"), "--protocol", protocol]
    script("table1").main([str(tmp_path), *options])
    check_table(tmp_path / "made", "table1")
    printed = capsys.readouterr().out
    assert f"by the {protocol} rule" in printed
    assert "orientation" not in printed


def as_other_files(root, form, X):
    """Write the features of `write_thumos14` in another form."""
    half = X.n_features // 2
    for name in ("val", "test", "train"):
        folder = root / "features" / name
        files = sorted(folder.glob("*.npy"))
        arrays = [np.load(file) for file in files]
        for file in files:
            file.unlink()
        if form == "temporal-first":
            for file, array in zip(files, arrays, strict=True):
                np.save(file, np.hstack([array[:, half:], array[:, :half]]))
            continue
        folder.rmdir()
        if form == "object array":
            packed = np.empty(len(arrays), dtype=object)
            packed[:] = arrays
            np.save(root / "features" / f"{name}.npy", packed)
            ids = "".join(f"{file.stem}\n" for file in files)
            (root / "features" / f"{name}_ids.txt").write_text(ids)
            continue
        lines = ""
        for file, array in zip(files, arrays, strict=True):
            temporal_first = np.hstack([array[:, half:], array[:, :half]])
            numbers = (temporal_first, np.full((len(array), 4), 0.5), np.zeros((len(array), 2)))
            cells = [";".join(f"{v:.6f}" for v in part.ravel()) for part in numbers]
            stem = file.stem if name == "train" else str(int(file.stem[-7:]))
            lines += "\t".join([stem, "1", *cells]) + "\n"
        (root / "features" / f"{name}.tsv").write_text(lines)


@pytest.mark.parametrize("form", ["temporal-first", "object array", "tsv"])
def test_other_feature_files_say_the_same(script, tmp_path, small, form):
    X, y = small
    write_thumos14(tmp_path, X, y)
    module = script("_data")
    plain = module.load(str(tmp_path))
    as_other_files(tmp_path, form, X)
    columns = form if form == "temporal-first" else "spatial-first"
    reading = module.Reading(columns, allow_pickle=form == "object array")
    data = module.load(str(tmp_path), reading=reading)
    half = X.n_features // 2
    where = data.streams or {"spatial": slice(0, half), "temporal": slice(half, None)}
    for part in ("X_train", "X_segments"):
        ours, theirs = getattr(data, part), getattr(plain, part)
        assert ours.ids.tolist() == theirs.ids.tolist()
        for stream, at in (("spatial", slice(0, half)), ("temporal", slice(half, None))):
            np.testing.assert_allclose(
                ours.values[:, where[stream]], theirs.values[:, at], atol=1e-5
            )
    np.testing.assert_allclose(data.X_segments.clip_seconds, 0.5)
    np.testing.assert_allclose(data.X_segments.start_seconds, 1 / 30)
    assert data.y_test == plain.y_test
    assert data.y_train == plain.y_train


def test_object_arrays_need_a_word(script, tmp_path, small):
    X, y = small
    write_thumos14(tmp_path, X, y)
    as_other_files(tmp_path, "object array", X)
    with pytest.raises(ValueError, match="allow_pickle"):
        script("_data").load(str(tmp_path))


def test_features_stay_on_disk(script, tmp_path, small):
    X, y = small
    write_thumos14(tmp_path / "data", X, y)
    packing = script("_packing").Packing(tmp_path / "packed")
    module = script("_data")
    for _ in range(2):  # the files of an earlier run are made anew
        data = module.load(str(tmp_path / "data"), reading=module.Reading(packing=packing))
    for part in (data.X_train, data.X_test):
        assert isinstance(part.values, np.memmap) or isinstance(part.values.base, np.memmap)
    assert {file.name for file in packing.folder.iterdir()} == {
        "val.npy", "test.npy", "train.npy", "joint.npy"
    }  # fmt: skip
    assert data.X_train.ids.tolist()[:1] == ["video_validation_0000000"]
    np.testing.assert_array_equal(data.X_train[0], X[0])
    last = np.load(tmp_path / "data" / "features" / "train" / f"{data.X_train.ids[-1]}.npy")
    np.testing.assert_array_equal(data.X_train[-1], last)


@SHORT
def test_options_of_a_run_reach_training_and_its_manifest(script, tmp_path, small):
    X, y = small
    write_thumos14(tmp_path, X, y)
    as_other_files(tmp_path, "temporal-first", X)
    out = tmp_path / "made"
    options = ["--quick", "--columns", "temporal-first", "--out", str(out), "--seeds", "2"]
    run = script("_report").Run("table1", [str(tmp_path), *options], paper_data="thumos14")
    model = run.asn("temporal", 0)
    assert model.model_.plan.columns == (tuple(range(X.n_features // 2)),)
    assert model.training_window == 20
    run.report_table(["0.5"], {"a": "1.0"}, {"a": np.array([[2.0], [3.0]])})
    made = json.loads((out / "table1-quick.json").read_text())
    assert (made["rule"], made["seeds"], made["quick"]) == ("activitynet", [0, 1], True)
    assert made["settings"]["training"]["max_epochs"] == 6
    assert made["data"]["videos_trained_on"] == 20
    assert made["data"]["of_these_trimmed"] == 4
    assert "outer_weight=2.0" in made["selections"]["autoloc"]
    assert made["options"]["columns"] == "temporal-first"
    assert set(made["versions"]) > {"sklearn-asn", "torch", "numpy", "python"}


@pytest.mark.parametrize("frame_rates", [True, False])
def test_activitynet_folder(script, tmp_path, small, frame_rates):
    X, y = small
    database = {}
    for subset, chosen in (("training", range(16)), ("validation", range(16, 24))):
        names = [f"v_{i:011d}" for i in chosen]
        write_videos(tmp_path / "features" / subset, X, chosen, names, split=True)
        for i in chosen:
            rows = [{"label": s.label, "segment": [s.start, s.end]} for s in y[i]]
            entry = {"subset": subset, "duration": float(len(X[i])), "annotations": rows}
            database[f"{i:011d}"] = entry
    (tmp_path / "annotations").mkdir()
    text = json.dumps({"version": "1.2", "database": database})
    (tmp_path / "annotations" / "anet.json").write_text(text)
    if frame_rates:
        rates = "video,fps\n" + "".join(f"{name},15\n" for name in database)
        (tmp_path / "annotations" / "fps.csv").write_text(rates)
    data = script("_data").load(str(tmp_path))
    assert data.settings == "activitynet"
    np.testing.assert_allclose(data.X_segments.clip_seconds, 1.0)
    np.testing.assert_array_equal(data.X_segments[0], X[16])
    assert data.y_test.label.tolist() == [s.label for i in range(16, 24) for s in y[i]]


def test_sources_that_are_not_there(script, tmp_path):
    load = script("_data").load
    with pytest.raises(SystemExit, match="not there"):
        load(str(tmp_path / "none"))
    with pytest.raises(SystemExit, match="neither HAPT"):
        load(str(tmp_path))


# mean mAP over the tables' tIoUs that an oracle's CAS must reach; a selection below it holds its
# table back. AutoLoc's boxes have lengths in powers of two, which costs it some.
CEILINGS = {
    "synthetic": {"naive_selection": 99, "autoloc_selection": 80},
    "thumos14": {"naive_selection": 90, "autoloc_selection": 70},
    "activitynet": {"naive_selection": 90, "autoloc_selection": 55},
}
REAL = {
    "thumos14": DATA / "thumos14",
    "activitynet": DATA / "activitynet12" / "activity_net.v1-2.min-missing-removed.json",
}


@pytest.mark.parametrize("name", CEILINGS)
@pytest.mark.filterwarnings("ignore:Left out:UserWarning")
def test_an_oracle_reaches_the_ceiling(script, name, capsys):
    source = REAL.get(name, "synthetic")
    if name in REAL and not source.exists():
        pytest.skip(f"annotations are not beside the repository (../shared/data): {source.name}")
    ceiling = script("ceiling")
    ceiling.main([str(source)])
    printed = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines()[2:])
    for row, least in CEILINGS[name].items():
        assert float(printed[row].split()[-1]) > least


def test_the_wrong_scales_do_not_reach_it(script):
    """As table 3 once had: boxes of at most 32 clips, where actions last 100."""
    if not REAL["activitynet"].is_file():
        pytest.skip("ActivityNet's annotations are not beside the repository (../shared/data)")
    ceiling = script("ceiling")
    settings = dict(ceiling.SETTINGS)
    wrong = replace(settings["activitynet"], scales=settings["thumos14"].scales)
    ceiling.SETTINGS["activitynet"] = wrong
    with pytest.warns(UserWarning, match="Left out"):
        given = ceiling.annotations(REAL["activitynet"])
    with pytest.warns(ShortScalesWarning, match="scales, 32 clips"):
        assert ceiling.ceilings(*given)["autoloc_selection"].mean() < 25
