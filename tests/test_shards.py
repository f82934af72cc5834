"""Inference over many folders of Clips: resumable, durable, and only of one model."""

import copy
import json
import os
import pickle
import time

import numpy as np
import pytest
from helpers import processes
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import sklearn_asn
from sklearn_asn import ASNLocalizer, Clips, ClipWise, Segments, predict_shards, read_shards
from sklearn_asn._fingerprint import fingerprint
from sklearn_asn.selection import AutoLocSelection

FAST = {"max_epochs": 3, "hidden_size": 4, "batch_size": 16, "device": "cpu"}


@pytest.fixture(scope="module")
def model(videos):
    return make_pipeline(
        ClipWise(StandardScaler()), ASNLocalizer("bottleneck", random_state=0, **FAST)
    ).fit(*videos)


@pytest.fixture
def shards(videos, tmp_path):
    """Four shards, named against the alphabet."""
    X, _ = videos
    return [X[10 * i : 10 * i + 10].save(tmp_path / "in" / name) for i, name in enumerate("dcba")]


def stamps(paths):
    return [path.stat().st_mtime_ns for path in paths]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("n_jobs", [None, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.usefixtures("light_processes")
def test_shards_give_what_the_whole_gives(model, videos, shards, tmp_path, n_jobs):
    X, _ = videos
    out = tmp_path / "new" / "out"
    paths = predict_shards(model, shards, out, n_jobs=n_jobs)
    assert paths == [out / f"{name}.npz" for name in "dcba"]
    assert names(out) == ["a.npz", "b.npz", "c.npz", "d.npz", "manifest.json"]
    whole = model.predict(X)
    assert len(whole.label)
    assert Segments.open(paths[1]) == whole[10:20]
    assert read_shards(out) == read_shards(paths) == read_shards(str(out)) == whole
    assert read_shards(paths[::-1])[:10] == whole[30:] == read_shards(paths[3])


def test_finished_shards_are_taken_as_they_are(model, shards, tmp_path):
    out = tmp_path / "out"
    first = predict_shards(model, shards[:2], out)
    before = stamps(first)
    paths = predict_shards(model, shards, str(out))
    assert stamps(paths[:2]) == before
    after = stamps(paths)
    assert stamps(predict_shards(model, shards, out, overwrite=True)) == after
    assert stamps(predict_shards(pickle.loads(pickle.dumps(model)), shards, out)) == after


def test_a_changed_shard_is_done_again(model, videos, shards, tmp_path):
    X, _ = videos
    out = tmp_path / "out"
    before = stamps(predict_shards(model, shards, out))
    X[[5, 6]].save(shards[1], overwrite=True)
    os.utime(shards[2] / "index.npz", ns=(0, 0))  # the timing may have changed
    paths = predict_shards(model, shards, out)
    assert [a == b for a, b in zip(stamps(paths), before, strict=True)] == [
        True,
        False,
        False,
        True,
    ]
    assert Segments.open(paths[1]) == model.predict(X[[5, 6]])


def test_the_same_name_elsewhere_is_another_shard(model, videos, shards, tmp_path):
    X, _ = videos
    (path,) = predict_shards(model, shards[:1], tmp_path / "out")
    other = X[20:22].save(tmp_path / "elsewhere" / shards[0].name)
    assert predict_shards(model, [other], tmp_path / "out") == [path]
    assert Segments.open(path) == model.predict(X[20:22])


@pytest.mark.parametrize("damage", ["half", "empty", "foreign", "none", "without notes"])
def test_what_is_not_a_whole_result_is_done_again(model, videos, shards, tmp_path, damage):
    X, _ = videos
    paths = predict_shards(model, shards, tmp_path / "out")
    whole = paths[0].read_bytes()
    if damage == "none":
        paths[0].unlink()
    elif damage == "without notes":
        Segments.open(paths[0]).save(paths[0], overwrite=True)
    else:
        content = {"half": whole[: len(whole) // 2], "empty": b"", "foreign": b"something"}
        paths[0].write_bytes(content[damage])
    with pytest.raises(ValueError, match=r"no result yet for 1 of 4|is damaged"):
        read_shards(tmp_path / "out")
    predict_shards(model, shards, tmp_path / "out")
    assert read_shards(tmp_path / "out") == model.predict(X)


def test_another_model(model, videos, shards, tmp_path):
    X, _ = videos
    out = tmp_path / "out"
    before = stamps(predict_shards(model, shards, out))
    other = copy.deepcopy(model).set_params(asnlocalizer__quantile=0.9)
    with pytest.raises(ValueError, match=r"results of another model.*overwrite=True"):
        predict_shards(other, shards, out)
    assert stamps([out / f"{name}.npz" for name in "dcba"]) == before

    predict_shards(other, shards[:2], out, overwrite=True)
    assert read_shards(out) == other.predict(X[:20])  # what is left of the first is not its
    with pytest.raises(ValueError, match="different models"):
        read_shards([out / "d.npz", out / "a.npz"])
    predict_shards(other, shards, out)
    assert read_shards(out) == other.predict(X)
    with pytest.raises(ValueError, match="another model"):
        predict_shards(model, shards, out)


def test_overwriting_that_was_stopped_leaves_no_mixture(model, shards, tmp_path, monkeypatch):
    out = tmp_path / "out"
    predict_shards(model, shards, out)
    other = copy.deepcopy(model).set_params(asnlocalizer__quantile=0.9)

    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(Clips, "open", interrupt)
    with pytest.raises(KeyboardInterrupt):
        predict_shards(other, shards, out, overwrite=True)
    with pytest.raises(ValueError, match="no result yet for 4 of 4"):
        read_shards(out)


def test_another_version(model, shards, tmp_path, monkeypatch):
    predict_shards(model, shards[:1], tmp_path / "out")
    monkeypatch.setattr(sklearn_asn, "__version__", "99.0")
    with pytest.raises(ValueError, match=r"version 0\.\d.* of sklearn_asn \(this is 99\.0\)"):
        predict_shards(model, shards[:1], tmp_path / "out")


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.usefixtures("light_processes")
def test_a_failing_shard_does_not_stop_the_others(model, videos, shards, tmp_path, n_jobs):
    X, _ = videos
    values = np.array(X[:3].values)
    values[4] = np.nan
    broken = X[:3].with_values(values, X.feature_names).save(tmp_path / "in" / "nan")
    (shards[2] / "index.npz").write_bytes(b"PK")
    given = [broken, tmp_path / "in" / "none", *shards]
    with pytest.raises(RuntimeError, match="3 of 6 shards failed") as error:
        predict_shards(model, given, tmp_path / "out", n_jobs=n_jobs)
    message = str(error.value)
    assert f"{broken}: ValueError: " in message
    assert "NaN" in message
    assert f"{tmp_path / 'in' / 'none'}: FileNotFoundError: " in message
    assert f"{shards[2]}: ValueError: {shards[2]} is damaged" in message
    assert names(tmp_path / "out") == ["a.npz", "c.npz", "d.npz", "manifest.json"]

    X[20:30].save(shards[2], overwrite=True)
    before = stamps([tmp_path / "out" / "d.npz"])
    paths = predict_shards(model, shards, tmp_path / "out")
    assert stamps(paths[:1]) == before
    assert read_shards(paths) == model.predict(X)


def test_many_failures_are_listed_by_name(model, tmp_path):
    given = [tmp_path / f"shard {i}" for i in range(25)]
    with pytest.raises(RuntimeError, match="25 of 25 shards failed") as error:
        predict_shards(model, given, tmp_path / "out")
    assert "and 5 more: shard 20, shard 21, shard 22, shard 23, shard 24" in str(error.value)


class Odd:
    def predict(self, X):
        return X.lengths


def test_an_estimator_that_gives_no_segments(shards, tmp_path):
    with pytest.raises(RuntimeError, match="predict gave ndarray, expected Segments"):
        predict_shards(Odd(), shards, tmp_path / "out")


def test_a_worker_that_sees_another_folder(model, shards, tmp_path):
    from sklearn_asn.shards import _predict_shard

    (tmp_path / "out").mkdir()
    why = _predict_shard(model, shards[0], tmp_path / "out" / "d.npz", {})
    assert "storage that all share" in why
    assert names(tmp_path / "out") == []


def test_nothing_is_done_where_the_arguments_are_wrong(model, shards, tmp_path):
    out = tmp_path / "out"
    twice = [*shards, tmp_path / "other" / "c"]
    with pytest.raises(ValueError, match=r"in/c and .*other/c have the same name"):
        predict_shards(model, twice, out)
    with pytest.raises(ValueError, match="have the same name"):
        predict_shards(model, [shards[0], f"{shards[0]}/"], out)
    with pytest.raises(ValueError, match="paths is empty"):
        predict_shards(model, [], out)
    with pytest.raises(ValueError, match="paths is one path"):
        predict_shards(model, shards[0], out)
    with pytest.raises(NotFittedError):
        predict_shards(clone(model), shards, out)
    assert not out.exists()
    with pytest.raises(ValueError, match="names no result"):
        read_shards([])
    with pytest.raises(ValueError, match=r"no manifest\.json"):
        read_shards(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_shards(out)


def test_files_of_other_origin_are_left_alone(model, shards, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "d.npz").write_bytes(b"dear")
    with pytest.raises(ValueError, match=r"holds d\.npz, but no manifest\.json"):
        predict_shards(model, shards, out, overwrite=True)
    (out / "d.npz").rename(out / "x.npz")
    for text in ("{", "[]", "{}", json.dumps({"format": "other"})):
        (out / "manifest.json").write_text(text)
        with pytest.raises(ValueError, match=r"manifest\.json is damaged, or not by"):
            predict_shards(model, shards, out, overwrite=True)
        assert (out / "manifest.json").read_text() == text
    (out / "manifest.json").unlink()
    predict_shards(model, shards, out)
    assert read_shards(out) == read_shards([out / f"{name}.npz" for name in "dcba"])
    assert (out / "x.npz").read_bytes() == b"dear"


def test_order_of_the_manifest(model, videos, shards, tmp_path):
    X, _ = videos
    d, c, b, a = shards
    out = tmp_path / "out"

    def order():
        return [int(i) for i in json.loads((out / "manifest.json").read_text())["shards"]]

    d, c, b, a = (path.rename(path.parent / str(i)) for i, path in enumerate((d, c, b, a)))
    predict_shards(model, [c, b], out)
    assert order() == [1, 2]
    predict_shards(model, [d, b], out)
    assert order() == [1, 2, 0]
    predict_shards(model, [a, b, c, d], out)
    assert order() == [3, 2, 1, 0]
    # a call at the same time that knew nothing of the last two
    manifest = json.loads((out / "manifest.json").read_text()) | {"shards": ["1", "0"]}
    (out / "manifest.json").write_text(json.dumps(manifest))
    expected = [X[10:20], X[:10], X[20:30], X[30:]]
    assert read_shards(out) == Segments.concatenate(map(model.predict, expected))


@pytest.mark.slow
@pytest.mark.usefixtures("light_processes")
def test_relative_paths(model, videos, shards, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path / "in")
    paths = predict_shards(model, ["d", "./c"], "../out", n_jobs=2)
    assert paths == [tmp_path / "out" / "d.npz", tmp_path / "out" / "c.npz"]


# ---------------------------------------------------------------------- killed, and at once

SCRIPT = """
    import pickle, sys
    from pathlib import Path
    from sklearn_asn import predict_shards
    folder = Path(sys.argv[1])
    model = pickle.loads((folder / "model.pickle").read_bytes())
    predict_shards(model, sorted((folder / "in").iterdir()), folder / "out")
"""


@pytest.mark.slow
def test_killed_and_two_at_once(model, videos, tmp_path):
    X, _ = videos
    for i in range(20):
        X[2 * i : 2 * i + 2].save(tmp_path / "in" / f"{i:02d}")
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(model))
    out = tmp_path / "out"
    killed = processes.start(SCRIPT, tmp_path)
    while killed.is_alive() and len(list(out.glob("*.npz"))) < 3:
        time.sleep(0.01)
    killed.kill()
    killed.join()
    finished = sorted(out.glob("*.npz"))
    assert len(finished) >= 3
    assert all(len(Segments.open(path)) == 2 for path in finished)
    before = stamps(finished)

    both = [processes.start(SCRIPT, tmp_path) for _ in range(2)]
    assert [processes.status(process) for process in both] == [0, 0]
    assert stamps(finished) == before  # so the model is known in other processes, too
    found, expected = read_shards(out), model.predict(X)
    assert found.ids is None or found.ids.tolist() == X.ids.tolist()
    assert found.label.tolist() == expected.label.tolist()
    np.testing.assert_allclose(found.score, expected.score, rtol=1e-5)
    left = [path for path in out.iterdir() if path.suffix == ".tmp"]
    assert len(left) <= 1  # of the process that was killed


# ---------------------------------------------------------------------- what makes a model


def test_fingerprint_stays(videos, tmp_path):
    X, y = videos
    streams = {"spatial": slice(0, 2), "temporal": slice(2, 4)}  # components have no stream
    localizer = ASNLocalizer("bilinear", streams=streams, random_state=0, **FAST)
    localizer.set_params(selection=AutoLocSelection())
    pipe = make_pipeline(ClipWise(PCA(4, svd_solver="full")), localizer)
    fitted = clone(pipe).fit(X, y)
    mark = fingerprint(fitted)
    fitted.predict(X)  # makes the net
    assert fingerprint(fitted) == mark
    assert fingerprint(pickle.loads(pickle.dumps(fitted))) == mark
    assert fingerprint(copy.deepcopy(fitted)) == mark
    assert fingerprint(clone(pipe).fit(X, y)) == mark  # trained again: other times in history_
    fitted.set_params(asnlocalizer__device="auto", asnlocalizer__verbose=1)
    fitted.set_params(asnlocalizer__memory=str(tmp_path), memory=str(tmp_path), verbose=True)
    fitted.set_params(asnlocalizer__callbacks=[lambda: None])
    assert fingerprint(fitted) == mark


@pytest.mark.parametrize(
    "change",
    [
        {"asnlocalizer__quantile": 0.51},
        {"asnlocalizer__video_threshold": 0.2},
        {"asnlocalizer__selection": AutoLocSelection()},
        {"asnlocalizer__localize_classes": ["class_0", "class_1"]},
    ],
)
def test_fingerprint_sees_parameters(model, change):
    assert fingerprint(copy.deepcopy(model).set_params(**change)) != fingerprint(model)


def test_fingerprint_sees_fitted_state(model, videos):
    X, y = videos
    other = copy.deepcopy(model)
    other[0].transformer_.mean_[3] += 1e-9
    assert fingerprint(other) != fingerprint(model)
    other = copy.deepcopy(model)
    other[-1].model_.weights["attention_quantiles"][0, 50] += 1e-3
    assert fingerprint(other) != fingerprint(model)
    seed = clone(model).set_params(asnlocalizer__random_state=1).fit(X, y)
    assert fingerprint(seed) != fingerprint(model)
    assert fingerprint(model[:-1]) != fingerprint(model)
    a, b = AutoLocSelection(inflation=0.25), AutoLocSelection(inflation=0.5)
    nested = [
        copy.deepcopy(model).set_params(asnlocalizer__selection=selection) for selection in (a, b)
    ]
    assert fingerprint(nested[0]) != fingerprint(nested[1])


def test_fingerprint_compares_values_not_objects(model):
    scale = copy.deepcopy(model)
    mean = scale[0].transformer_.mean_
    scale[0].transformer_.mean_ = np.repeat(mean, 2)[::2]  # the same numbers, two apart
    one = copy.deepcopy(model).set_params(asnlocalizer__quantile=0.5)
    two = copy.deepcopy(model).set_params(asnlocalizer__quantile=np.float64(0.5))
    assert fingerprint(scale) == fingerprint(one) == fingerprint(two) == fingerprint(model)


def halve(values):
    return values / 2


def test_fingerprint_of_functions_and_searches(videos):
    X, y = videos
    asn = ASNLocalizer("temporal", random_state=0, **FAST)
    named = make_pipeline(ClipWise(FunctionTransformer(halve)), asn).fit(X, y)
    assert fingerprint(named) == fingerprint(pickle.loads(pickle.dumps(named)))
    unnamed = make_pipeline(ClipWise(FunctionTransformer(lambda v: v)), asn).fit(X, y)
    with pytest.raises(ValueError, match=r"cannot be told from others.*lambda"):
        fingerprint(unnamed)
    searches = [GridSearchCV(asn, {"quantile": [0.3, 0.6]}, cv=2).fit(X, y) for _ in range(2)]
    assert fingerprint(searches[0]) == fingerprint(searches[1])
