"""Segments of some videos, labels of the others: splits, searches, and choices without a fit."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, Clips, ClipWise, SelfTrainingLocalizer
from sklearn_asn.metrics import localization_map, localization_scorer, recognition_scorer
from sklearn_asn.model_selection import TimedSplit, tune
from sklearn_asn.plotting import QuantileCurveDisplay
from sklearn_asn.rivals import WTALC, AutoLoc, SingleInstance
from sklearn_asn.selection import MultiQuantileSelection, MultiThresholdSelection, NaiveSelection

FAST = {"max_epochs": 6, "batch_size": 10, "random_state": 0, "device": "cpu"}
QUANTILES = {"quantile": [0.2, 0.35, 0.5, 0.65]}


def localizer(**changes):
    return ASNLocalizer("temporal", **FAST | changes)


def some_of(y, known):
    """Return segments of the videos that are `known`, sets of labels of the others."""
    return [list(v) if k else {s.label for s in v} for v, k in zip(y, known, strict=True)]


@pytest.fixture(scope="module")
def known(videos):
    return np.arange(len(videos[0])) % 4 == 1


@pytest.fixture(scope="module")
def some(videos, known):
    return some_of(videos[1], known)


@pytest.fixture(scope="module")
def fitted(videos, some):
    return localizer().fit(videos[0], some)


# ---------------------------------------------------------------- TimedSplit


def test_one_split_trains_on_all_and_tests_those_with_times(videos, some, known):
    X, y = videos
    [(train, test)] = TimedSplit().split(X, some)
    assert_array_equal(train, np.arange(len(X)))
    assert_array_equal(test, np.flatnonzero(known))
    assert TimedSplit().get_n_splits() == 1
    [(train, test)] = TimedSplit(timed=known).split(X, y)  # all have times, a mask says which
    assert_array_equal(test, np.flatnonzero(known))
    [(_, test)] = TimedSplit().split(X, y)
    assert len(test) == len(X)


@pytest.mark.parametrize("shuffle", [False, True])
def test_folds_leave_only_what_they_test_out(videos, some, known, shuffle):
    X, _ = videos
    split = TimedSplit(3, shuffle=shuffle, random_state=1 if shuffle else None)
    folds = list(split.split(X, some))
    assert split.get_n_splits(X, some) == len(folds) == 3
    tested = np.concatenate([test for _, test in folds])
    assert_array_equal(np.sort(tested), np.flatnonzero(known))
    assert (tested.tolist() == sorted(tested)) is not shuffle
    for train, test in folds:
        assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(len(X)))
    again = list(split.split(X, some))
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(folds, again, strict=True))


def test_groups_stay_together_also_of_videos_without_times(videos, some, known):
    X, _ = videos
    groups = np.arange(len(X)) // 5
    tested = []
    for train, test in TimedSplit(4).split(X, some, groups):
        assert not set(groups[train]) & set(groups[test])
        assert known[test].all()
        outside = np.setdiff1d(np.arange(len(X)), train)
        assert_array_equal(np.unique(groups[outside]), np.unique(groups[test]))
        tested += test.tolist()
    assert sorted(tested) == np.flatnonzero(known).tolist()
    strings = np.array([f"person {g}" for g in groups])
    assert len(list(TimedSplit(2).split(X, some, strings))) == 2


@pytest.mark.parametrize(
    ("split", "change", "message"),
    [
        (TimedSplit(), lambda y, k: some_of(y, k & False), "y has segments of no video"),
        (TimedSplit(), lambda y, k: None, "needs y"),
        (TimedSplit(), lambda y, k: some_of(y, k)[:-1], "40 videos, but y has entries for 39"),
        (TimedSplit(11), some_of, "n_splits=11, but there are 10 videos with times"),
        (TimedSplit(1), some_of, "n_splits=1; expected"),
        (TimedSplit(2.0), some_of, "n_splits=2.0; expected"),
        (TimedSplit(timed=np.arange(40) < 2), some_of, "timed is True for video 0"),
        (TimedSplit(timed=np.arange(40) < 0), some_of, "timed is False for every video"),
        (TimedSplit(timed=[True] * 3), some_of, "timed must be a boolean array of shape"),
    ],
)
def test_splits_that_cannot_be(videos, known, split, change, message):
    with pytest.raises(ValueError, match=message):
        next(split.split(videos[0], change(videos[1], known)))


def test_groups_that_cannot_be(videos, some):
    X, _ = videos
    with pytest.raises(ValueError, match=r"cannot keep them apart; use TimedSplit\(n_splits"):
        next(TimedSplit().split(X, some, np.arange(len(X))))
    with pytest.raises(ValueError, match="groups has 3 entries"):
        next(TimedSplit(2).split(X, some, [1, 2, 3]))
    with pytest.raises(ValueError, match="there are 1 groups with times"):
        next(TimedSplit(2).split(X, some, np.zeros(len(X))))


# ---------------------------------------------------------------- searches


@pytest.mark.slow
def test_a_search_judges_by_the_times_of_some(videos, some, known):
    X, y = videos
    search = GridSearchCV(localizer(), QUANTILES, cv=TimedSplit()).fit(X, some)
    model = localizer().fit(X, some)
    expected = [
        localization_map(y[known], model.set_params(quantile=q).predict(X[known]))
        for q in QUANTILES["quantile"]
    ]
    assert_array_equal(search.cv_results_["mean_test_score"], expected)
    assert len(set(expected)) > 1
    assert search.predict(X) == model.set_params(**search.best_params_).predict(X)


@pytest.mark.slow
def test_lists_and_halving_and_groups(videos, some, known):
    X, _ = videos
    lists = list(X)
    a = cross_val_score(localizer(), X, some, cv=TimedSplit(3), scoring=localization_scorer(0.3))
    b = cross_val_score(
        localizer(), lists, some, cv=TimedSplit(3), scoring=localization_scorer(0.3)
    )
    assert_array_equal(a, b)
    assert np.all(np.isfinite(a))
    assert a.max() > 0
    groups = np.arange(len(X)) // 5
    found = cross_validate(
        localizer(), X, some, cv=TimedSplit(2), params=None, groups=groups, return_indices=True
    )
    assert all(known[test].all() for test in found["indices"]["test"])
    grid = {"quantile": [0.2, 0.4], "dropout": [0.2, 0.5]}
    search = HalvingGridSearchCV(
        localizer(), grid, cv=TimedSplit(), min_resources=20, factor=2, random_state=0
    )
    search.fit(X, some)
    assert set(search.best_params_) == set(grid)
    assert np.all(np.isfinite(search.cv_results_["mean_test_score"]))


@pytest.mark.slow
def test_times_that_are_trained_on_go_with_their_fold(videos, some, known):
    X, y = videos
    model = localizer(pooling="probability", context_layers=1, context_size=8, clips_per_video=None)
    search = GridSearchCV(model, {"weight_decay": [0.0, 0.1]}, cv=TimedSplit(2), refit=False)
    search.fit(X, some, timed=known)
    train, test = next(TimedSplit(2).split(X, some))
    given = [some[i] for i in train]
    expected = [
        clone(model).set_params(weight_decay=w).fit(X[train], given, timed=known[train])
        .score(X[test], y[test])
        for w in (0.0, 0.1)
    ]  # fmt: skip
    assert_array_equal(search.cv_results_["split0_test_score"], expected)


def test_score_judges_those_with_times_alone(videos, some, fitted, known):
    X, y = videos
    assert fitted.score(X, some) == fitted.score(X[known], y[known])
    scorer = localization_scorer((0.3, 0.5))
    assert scorer(fitted, X, some) == scorer(fitted, X[known], y[known])
    weight = np.arange(len(X)) % 3
    assert fitted.score(X, some, sample_weight=weight) == fitted.score(
        X[known], y[known], sample_weight=weight[known]
    )
    curves = [
        QuantileCurveDisplay.from_estimator(fitted, *given, quantiles=[0.2, 0.5]).scores
        for given in ((X, some), (X[known], y[known]))
    ]
    assert_array_equal(*curves)
    labels = [{s.label for s in video} for video in y]
    scorer = recognition_scorer("map")  # reads labels, of which it has all
    assert scorer(fitted, X, some) == scorer(fitted, X, labels) == fitted.score(X, labels)
    with pytest.raises(ValueError, match="video 0 has a set of labels and no times"):
        localization_map(some, fitted.predict(X))
    with pytest.raises(ValueError, match="video 0 has a set of labels and no times"):
        localization_scorer()(fitted, X, labels)


# ---------------------------------------------------------------- tune


class Counted:
    """Count how often a model's networks score clips."""

    def __init__(self, monkeypatch):
        from sklearn_asn._localizers.model import Model

        self.n_clips = 0
        score = Model.score

        def counting(model, clips, *where):
            self.n_clips += int(clips.lengths.sum())
            return score(model, clips, *where)

        monkeypatch.setattr(Model, "score", counting)


@pytest.mark.slow
def test_tune_is_the_search_without_training(videos, some, fitted, known, monkeypatch):
    X, _ = videos
    grid = {
        "quantile": [0.2, 0.5],
        "selection": [None, MultiQuantileSelection(), MultiThresholdSelection()],
        "video_threshold": [0.05, 0.3],
    }
    search = GridSearchCV(localizer(), grid, cv=TimedSplit(), refit=False).fit(X, some)
    before = fitted.get_params()
    counted = Counted(monkeypatch)
    tuned = tune(fitted, X, some, grid)
    assert counted.n_clips == X[known].lengths.sum()  # each clip once, for 12 candidates
    assert_array_equal(tuned.results["score"], search.cv_results_["mean_test_score"])
    assert_array_equal(tuned.results["rank"], search.cv_results_["rank_test_score"])
    assert tuned.score == search.best_score_
    assert repr(tuned.params) == repr(search.best_params_)
    assert fitted.get_params() == before
    X_known = X[known]
    assert tuned.estimator.score(X_known, videos[1][known]) == tuned.score
    assert tuned.estimator.net_ is fitted.net_  # the networks are shared
    assert tuned.results["score"].nunique() > 4


def test_tune_scores_blocks_of_clips(videos, some, fitted, monkeypatch):
    X, _ = videos
    whole = tune(fitted, X, some, QUANTILES)
    monkeypatch.setattr("sklearn_asn._localizers.finite.CLIPS_AT_ONCE", 50)
    assert_array_equal(whole.results, tune(fitted, X, some, QUANTILES).results)


@pytest.mark.slow
def test_tune_finds_a_pipelines_parameters(videos, some, known, tmp_path):
    X, _ = videos
    model = make_pipeline(ClipWise(StandardScaler()), localizer(selection=NaiveSelection()))
    model.fit(X, some)
    grid = [
        {"asnlocalizer__quantile": [0.2, 0.4], "asnlocalizer__selection__min_score": [None, 0.2]},
        {"asnlocalizer__when_none_passes": ["nothing"]},
    ]
    tuned = tune(model, X, some, grid, scoring=localization_scorer((0.3, 0.5)))
    search = GridSearchCV(
        clone(model), grid, cv=TimedSplit(), scoring=localization_scorer((0.3, 0.5))
    ).fit(X, some)
    assert_array_equal(tuned.results["score"], search.cv_results_["mean_test_score"])
    assert tuned.estimator.predict(X) == search.best_estimator_.predict(X)
    assert model[-1].selection.min_score is None
    mapped = Clips.open(X.save(tmp_path / "clips"))
    again = tune(model, mapped, some, grid, scoring=localization_scorer((0.3, 0.5)))
    assert_array_equal(again.results["score"], tuned.results["score"])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn_asn.exceptions.NoClassPassedWarning")
@pytest.mark.parametrize(
    ("make", "grid"),
    [
        (lambda: WTALC(**FAST), {"video_threshold": [0.05, 0.5]}),
        (lambda: SingleInstance(random_state=0), {"video_threshold": [0.05, 0.5]}),
        (
            lambda: AutoLoc(localizer(), max_epochs=2, random_state=0),
            {"video_weight": [0.0, 0.7], "nms_threshold": [0.2, 0.6]},
        ),
        (
            lambda: SelfTrainingLocalizer(
                [
                    (
                        f"n{n}",
                        localizer(
                            pooling="probability",
                            clips_per_video=None,
                            context_layers=n,
                            context_size=8,
                        ),
                    )
                    for n in (1, 2)
                ],
                n_rounds=0,
                random_state=0,
            ),
            {"video_threshold": [0.05, 0.3], "selection": [None, NaiveSelection()]},
        ),
    ],
)
def test_tune_any_localizer(videos, some, known, make, grid):
    X, y = videos
    model = make().fit(X, some)
    tuned = tune(model, X, some, grid)
    for params, value in zip(
        tuned.results[list(grid)].to_dict("records"), tuned.results["score"], strict=True
    ):
        assert value == model.set_params(**params).score(X[known], y[known])


def test_a_scorer_may_look_at_some_of_the_videos(videos, some, fitted, known):
    """What is not the block that was remembered is scored by itself."""
    X, y = videos

    def of_the_first(estimator, X, y):
        estimator.transform(X)
        return localization_map(y[2:7], estimator.predict(X[2:7]), 0.3)

    tuned = tune(fitted, X, some, QUANTILES, scoring=of_the_first)
    X, y = X[known], y[known]
    for row in tuned.results.itertuples():
        model = clone(fitted).fit(videos[0], some).set_params(quantile=row.quantile)
        assert row.score == localization_map(y[2:7], model.predict(X[2:7]), 0.3)


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"hidden_size": [4]}, "'hidden_size' is a parameter of training and needs a fit"),
        ({"quantile": [0.2], "lr": [0.1]}, "'lr' is a parameter of training"),
        ({"device": ["cpu"]}, "'device' changes nothing in the result"),
        ({"quantil": [0.2]}, "'quantil' is no parameter of ASNLocalizer; those of use are"),
        ({"quantile": [1.5]}, r"quantile=1.5; expected a number in \[0, 1\]"),
        ({"quantile": []}, "quantile"),
    ],
)
def test_tune_refuses(videos, some, fitted, grid, message):
    with pytest.raises(ValueError, match=message):
        tune(fitted, videos[0], some, grid)


def test_tune_refuses_what_it_cannot_judge(videos, some, fitted):
    X, y = videos
    labels = [{s.label for s in video} for video in y]
    with pytest.raises(ValueError, match="y has segments of no video"):
        tune(fitted, X, labels, QUANTILES)
    with pytest.raises(ValueError, match="not fitted"):
        tune(localizer(), X, some, QUANTILES)
    with pytest.raises(ValueError, match="is not a number"):
        tune(fitted, X, some, QUANTILES, scoring=lambda *_: np.nan)
    with pytest.raises(ValueError, match="scoring"):
        tune(fitted, X, some, QUANTILES, scoring=["accuracy"])
    model = make_pipeline(ClipWise(StandardScaler()), localizer()).fit(X, some)
    with pytest.raises(ValueError, match="'clipwise__transformer' is no parameter of the loc"):
        tune(model, X, some, {"clipwise__transformer": [None]})
    ensemble = SelfTrainingLocalizer([("a", localizer(pooling="probability"))], n_rounds=0)
    with pytest.raises(ValueError, match="'a__quantile' is a parameter of training"):
        tune(ensemble.fit(X, some), X, some, {"a__quantile": [0.5]})
    with pytest.raises(ValueError, match="needs a localizer"):
        tune(StandardScaler().fit([[0.0], [1.0]]), X, some, {"with_mean": [True]})


def test_a_mapping_of_which_some_videos_have_times_is_judged_by_these(videos):
    X, y = videos
    some = [list(v) if i < 10 else {s.label for s in v} for i, v in enumerate(y)]
    features = {id: X[i] for i, id in enumerate(X.ids)}
    model = ASNLocalizer("single", batch_size=10, max_epochs=2, random_state=0)
    model.fit(features, some)
    assert model.score(features, some) == model.score(X.with_values(X.values)[:10], y[:10])
