"""`SelfTrainingLocalizer`: members, rounds, and what every localizer must do."""

import pickle

import numpy as np
import pytest
from helpers.checks import run_check
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_asn import (
    ASNLocalizer,
    ClipWise,
    SelfTrainingLocalizer,
    localization_pipeline,
    report,
)
from sklearn_asn._localizers import self_training
from sklearn_asn._localizers.self_training import targets_of
from sklearn_asn.plotting import CASDisplay
from sklearn_asn.rivals import UntrimmedNet
from sklearn_asn.saving import SKOPS_TYPES, load_safetensors, save_safetensors


def member(n_layers, **changes):
    given = {
        "variant": "fusion", "init": "scratch", "pooling": "probability", "context_size": 8,
        "context_layers": n_layers, "optimizer": "adamw", "lr": 5e-3, "lr_schedule": "cosine",
        "channel_dropout": True, "clips_per_video": None, "batch_size": 16, "max_epochs": 4,
        "device": "cpu",
    }  # fmt: skip
    return ASNLocalizer(**given | changes)


def ensemble(**changes):
    given = {"localizers": [("narrow", member(1)), ("wide", member(2))], "n_rounds": 1}
    return SelfTrainingLocalizer(**given | {"random_state": 0, "device": "cpu"} | changes)


@pytest.fixture(scope="module")
def fitted(videos):
    return ensemble().fit(*videos)


@pytest.mark.slow
@parametrize_with_checks(
    [SelfTrainingLocalizer([("one", member(1, max_epochs=2))], n_rounds=0, device="cpu")]
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_check_estimator(estimator, check):
    run_check(estimator, check)


@pytest.mark.slow
def test_members_are_averaged(videos, fitted):
    X, _ = videos
    model = clone(fitted).set_params(quantile=0.0, video_threshold=0.0)
    model.fit(*videos)
    each = [m.set_params(quantile=0.0, video_threshold=0.0) for m in model.localizers_]
    lowest = model.threshold_
    for v, p in enumerate(model.transform(X)):
        counted = model.attention(X)[v] >= lowest
        mean = np.mean([m._reading(X[v : v + 1]).clip_scores for m in each], axis=0)
        np.testing.assert_allclose(p[counted], mean[counted], rtol=1e-5, atol=1e-7)
        break
    proba = np.mean([m.predict_proba(X) for m in each], axis=0)
    np.testing.assert_allclose(model.predict_proba(X), proba, rtol=1e-5)


@pytest.mark.slow
def test_no_rounds_is_an_ensemble_of_what_each_gives_alone(videos):
    X, y = videos
    model = ensemble(n_rounds=0).fit(X, y)
    for (_, one), own in zip(model.localizers, model.localizers_, strict=True):
        seed = own.random_state
        alone = clone(one).set_params(random_state=seed).fit(X, y)
        for a, b in zip(alone.attention(X), own.attention(X), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_a_teacher_keeps_to_the_labels():
    shown = np.array([[0.2, 0.6], [0.0, 0.9], [0.1, 0.1]])
    allowed = np.array([[True, True], [True, False], [False, False]])
    want = np.array([[0.2, 0.6, 0.2], [1e-6, 0, 0.1 + 1e-6], [0, 0, 0.8]])
    want[0] = (np.array([0.2, 0.6, 0.2]) + 1e-6) / (1 + 3e-6)
    want[1] /= want[1].sum()
    want[2] = [0, 0, 1]
    np.testing.assert_allclose(targets_of(shown, allowed, "softmax"), want, atol=1e-6)
    two = targets_of(shown, allowed, "sigmoid")
    np.testing.assert_allclose(two[:, :2], want[:, :2], atol=2e-6)  # nothing overlaps
    both = np.array([[0.9, 0.8], [0.9, 0.8]])
    allowed = np.array([[True, True], [True, False]])
    want = [[0.9, 0.8], [1.0, 0.0]]  # both are shown; one for sure, where it must be one of them
    np.testing.assert_allclose(targets_of(both, allowed, "sigmoid")[:, :2], want, atol=2e-6)


@pytest.mark.slow
@pytest.mark.parametrize("first", ["sigmoid", "softmax"])
def test_each_member_is_taught_in_its_own_terms(videos, monkeypatch, first):
    train, given = self_training._train_member, []

    def spy(member, data, *args):
        given.append((member.class_activation, data.clip_target))
        return train(member, data, *args)

    monkeypatch.setattr(self_training, "_train_member", spy)
    other = {"sigmoid": "softmax", "softmax": "sigmoid"}[first]
    members = [
        (kind, member(1, class_activation=kind, max_epochs=2, unlabelled=says))
        for kind, says in ((first, "ignore"), (other, "background"))
    ]
    ensemble(localizers=members).fit(*videos)
    targets = {kind: goal for kind, goal in given if goal is not None}
    np.testing.assert_allclose(targets["softmax"].sum(axis=1), 1, rtol=1e-5)
    assert not targets["sigmoid"][:, -1].any()  # there is no background column
    shown, own = targets["softmax"][:, :-1], targets["sigmoid"][:, :-1]
    taught = own.sum(axis=1) > 1e-2
    shares = [t[taught] / t[taught].sum(axis=1, keepdims=True) for t in (shown, own)]
    np.testing.assert_allclose(*shares, atol=1e-3)  # of the same teacher


@pytest.mark.slow
@pytest.mark.usefixtures("light_processes")
def test_the_same_bits_for_any_number_of_jobs(videos, fitted):
    X, y = videos
    other = ensemble(n_jobs=2).fit(X, y)
    assert other.predict(X) == fitted.predict(X)
    np.testing.assert_array_equal(other.attention_quantiles_, fitted.attention_quantiles_)


@pytest.mark.slow
def test_parameters_are_reached_by_name(videos):
    X, y = videos
    model = ensemble()
    assert model.get_params()["wide__context_layers"] == 2
    model.set_params(wide__context_layers=3, narrow=member(1, max_epochs=2))
    assert model.localizers[1][1].context_layers == 3
    assert model.localizers[0][1].max_epochs == 2
    search = GridSearchCV(model, {"wide__lr": [1e-3, 5e-3], "quantile": [0.3]}, cv=2, refit=False)
    assert len(search.fit(X, y).cv_results_["params"]) == 2
    assert clone(model).get_params()["wide__context_layers"] == 3
    model.fit(X, y).set_params(wide__lr=1.0)
    with pytest.raises(ValueError, match="Call fit again, or set it back"):
        model.predict(X)


def test_history_names_rounds_and_localizers(fitted):
    assert len(fitted.history_) == 2 * 2 * 4
    assert {(e["round"], e["localizer"]) for e in fitted.history_} == {
        (0, "narrow"), (0, "wide"), (1, "narrow"), (1, "wide"),
    }  # fmt: skip
    assert fitted.named_localizers_.wide is fitted.localizers_[1]


def test_it_is_saved_in_every_format(videos, fitted, tmp_path):
    X, _ = videos
    want = fitted.predict(X)
    again = pickle.loads(pickle.dumps(fitted))
    assert again.predict(X) == want
    pytest.importorskip("safetensors")
    path = save_safetensors(fitted, tmp_path / "model.safetensors")
    assert load_safetensors(path).predict(X) == want
    io = pytest.importorskip("skops.io")
    io.dump(fitted, tmp_path / "model.skops")
    assert set(io.get_untrusted_types(file=tmp_path / "model.skops")) <= set(SKOPS_TYPES)
    assert io.load(tmp_path / "model.skops", trusted=list(SKOPS_TYPES)).predict(X) == want


def test_report_and_displays(videos, fitted, tmp_path):
    X, y = videos
    assert report(fitted, X, y, tmp_path / "report.html").is_file()
    display = CASDisplay.from_estimator(fitted, X, y)
    assert display.threshold == pytest.approx(fitted.threshold_)


@pytest.mark.slow
def test_memory_and_progress(videos, tmp_path, capsys):
    X, y = videos
    model = ensemble(memory=str(tmp_path), verbose=1).fit(X, y)
    first = capsys.readouterr().err
    assert "SelfTrainingLocalizer" in first
    again = ensemble(memory=str(tmp_path), verbose=1).fit(X, y)
    assert "taken from memory" in capsys.readouterr().err
    assert again.predict(X) == model.predict(X)


def test_bad_input(videos):
    X, y = videos
    for localizers, message in [
        ([], "expected a list of"),
        ([("a", member(1)), ("a", member(2))], "unique"),
        ([("a__b", member(1))], "'__'"),
        ([("a", UntrimmedNet())], "knows a background"),
        ([("a", member(1)), ("b", member(1, frames_per_clip=2))], "frames_per_clip"),
        ([("a", member(1, lr=-1))], "lr=-1"),
    ]:
        with pytest.raises(ValueError, match=message):
            SelfTrainingLocalizer(localizers).fit(X, y)
    with pytest.raises(ValueError, match="n_rounds=-1"):
        ensemble(n_rounds=-1).fit(X, y)


@pytest.mark.slow
def test_known_times_are_kept_through_the_rounds(videos):
    X, y = videos
    known = np.ones(len(X), dtype=bool)
    longer = [("narrow", member(1, max_epochs=12)), ("wide", member(2, max_epochs=12))]
    weak = ensemble(localizers=longer).fit(X, y).score(X, y)
    pipeline = make_pipeline(ClipWise(StandardScaler()), ensemble(localizers=longer))
    full = pipeline.fit(X, y, selftraininglocalizer__timed=known).score(X, y)
    assert full > weak


@pytest.mark.slow
def test_the_preset_is_a_plain_pipeline(videos):
    X, y = videos
    model = localization_pipeline(X, effort="one-fit", random_state=0)
    localizer = model[-1]
    assert localizer.n_rounds == 0
    assert localization_pipeline(X)[-1].n_rounds == 2
    for _, one in localizer.localizers:
        assert one.batch_size == 10
        assert one.max_epochs * 4 == 360
        one.set_params(max_epochs=2)
    clone(model).set_params(selftraininglocalizer__narrow__lr=1e-3).fit(X, y).predict(X)
    with pytest.raises(ValueError, match="effort='best'"):
        localization_pipeline(X, effort="best")


def test_the_preset_asks_less_of_long_and_wide_videos():
    def batches(n_videos, n_clips, n_features=4):
        X = [np.broadcast_to(np.float32(0), (n_clips, n_features))] * n_videos
        model = localization_pipeline(X)[-1]
        members = model.localizers
        given = {key.partition("__")[0] for key in model.student_params or ()}
        assert given == {name for name, _ in members if name.endswith("2")}
        return [name for name, _ in members], members[0][1]

    names, one = batches(200, 30)
    assert names == ["narrow", "wide", "narrow2", "wide2"]
    assert localization_pipeline(effort="one-fit")[-1].student_params is None
    assert one.batch_size == 50
    names, one = batches(200, 400, 512)  # 41 million values: one network of each kind
    assert names == ["narrow", "wide"]
    assert one.batch_size == 15  # 6,000 clips
    assert one.max_epochs * -(-200 // 15) >= 360
    assert batches(100, 5_000)[1].batch_size == 8
    assert batches(6, 5_000)[1].batch_size == 1  # a quarter of the videos, if there is one


@pytest.mark.slow
def test_what_the_preset_finds_is_fit_to_be_looked_at(videos, monkeypatch):
    X, y = videos
    monkeypatch.setattr("sklearn_asn._pipeline.N_STEPS", 80)
    model = localization_pipeline(X, effort="one-fit", random_state=0).fit(X, y)
    found = model.predict(X)
    assert len(found.start) <= 3 * len(y.start)
    assert found.score.min() >= 0.12
