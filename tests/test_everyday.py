"""What people do with any scikit-learn estimator, done with these."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
    cross_validate,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.metadata_routing import MetadataRequest, get_routing_for_object

from sklearn_asn import ASNLocalizer, ClipWise
from sklearn_asn.metrics import localization_scorer, recognition_scorer
from sklearn_asn.rivals import STPN, WTALC, AutoLoc, UntrimmedNet
from sklearn_asn.selection import NaiveSelection

FAST = {"max_epochs": 3, "batch_size": 16, "random_state": 0, "device": "cpu"}
LOCALIZERS = [
    ASNLocalizer("bottleneck", hidden_size=4, **FAST),
    STPN("temporal", **FAST),
    WTALC(4, **FAST),
    UntrimmedNet("temporal", **FAST),
    AutoLoc(ASNLocalizer("temporal", **{**FAST, "max_epochs": 10}), random_state=0, device="cpu"),
]


def asn(variant="temporal", **changes):
    return ASNLocalizer(variant, **{**FAST, "hidden_size": 4, **changes})


def pipeline(memory=None, **changes):
    steps = [("scale", ClipWise(StandardScaler())), ("asn", asn(**changes))]
    return Pipeline(steps, memory=memory)


@pytest.fixture(scope="module", params=LOCALIZERS, ids=lambda model: type(model).__name__)
def fitted(request, videos):
    return clone(request.param).fit(*videos)


# ---------------------------------------------------------------- any localizer


@pytest.mark.parametrize("kind", ["default", "pandas", "polars"])
def test_set_output_leaves_ragged_output_alone(videos, fitted, kind):
    X, _ = videos
    assert fitted.set_output(transform=kind) is fitted
    with config_context(transform_output=kind):
        sequences = fitted.transform(X[:3])
    assert isinstance(sequences, list)
    assert [s.shape for s in sequences] == [(n, 3) for n in X.lengths[:3]]
    assert all(type(s) is np.ndarray for s in sequences)


def test_feature_names_out_are_the_classes(videos, fitted):
    names = fitted.get_feature_names_out()
    assert names.dtype == object
    assert names.tolist() == fitted.classes_.tolist()
    assert fitted.transform(videos[0][:1])[0].shape[1] == len(names)


def test_feature_names_out_of_a_pipeline(videos):
    model = pipeline().fit(*videos)
    assert model.get_feature_names_out().tolist() == model[-1].classes_.tolist()
    assert model[:1].get_feature_names_out().tolist() == list(videos[0].feature_names)


@pytest.mark.slow
def test_clone_is_unfitted_and_equal(videos, fitted):
    copy = clone(fitted)
    assert not copy.__sklearn_is_fitted__()
    assert {k: repr(v) for k, v in copy.get_params().items()} == {
        k: repr(v) for k, v in fitted.get_params().items()
    }
    assert copy.fit(*videos).predict(videos[0]) == fitted.predict(videos[0])


def test_frozen_stays_fitted(videos, fitted):
    X, y = videos
    frozen = FrozenEstimator(fitted)
    assert clone(frozen).fit(X[:5], y[:5]).predict(X) == fitted.predict(X)
    model = make_pipeline(frozen).fit(X, y)
    assert_array_equal(model.predict_proba(X), fitted.predict_proba(X))
    assert model.score(X, y) == fitted.score(X, y)


@pytest.mark.parametrize("display", ["text", "diagram"])
def test_display(fitted, display):
    with config_context(display=display):
        assert repr(fitted).startswith(type(fitted).__name__)
        assert hasattr(fitted, "_repr_html_") is (display == "diagram")
    with config_context(print_changed_only=False):
        everything = repr(fitted)
    assert everything.count("=") > repr(fitted).count("=")


def test_metadata_routing_of_an_estimator(fitted):
    request = fitted.get_metadata_routing()
    assert isinstance(request, MetadataRequest)
    given = {"sample_weight", "timed", "trimmed"}
    held_out = {"validation", "X_val", "y_val", "validate_every"}
    assert set(request.fit.requests) == given | held_out
    assert set(request.score.requests) == {"sample_weight"}
    with config_context(enable_metadata_routing=True):
        asked = clone(fitted).set_fit_request(trimmed=True, sample_weight=False)
        assert get_routing_for_object(asked).fit.requests == {
            "trimmed": True,
            "sample_weight": False,
            "timed": None,
            **dict.fromkeys(held_out),
        }
        assert clone(asked).get_metadata_routing().fit.requests["trimmed"] is True


# ---------------------------------------------------------------- routed metadata


def routed(**changes):
    model = asn(**changes).set_fit_request(sample_weight=True, trimmed=True)
    return Pipeline(
        [
            ("scale", ClipWise(StandardScaler())),
            ("asn", model.set_score_request(sample_weight=True)),
        ]
    )


def test_weights_and_trimmed_videos_go_through_a_pipeline(videos):
    X, y = videos
    weight, trimmed = np.arange(len(X)) % 3, np.arange(len(X)) % 4 == 0
    with config_context(enable_metadata_routing=True):
        model = routed().fit(X, y, sample_weight=weight, trimmed=trimmed)
        score = model.score(X, y, sample_weight=weight)
    scaled = model[:-1].transform(X)
    plain = asn().fit(scaled, y, sample_weight=weight, trimmed=trimmed)
    assert_array_equal(plain.attention_quantiles_, model[-1].attention_quantiles_)
    assert score == plain.score(scaled, y, sample_weight=weight)
    for other in ({"sample_weight": weight}, {"trimmed": trimmed}):
        assert asn().fit(scaled, y, **other).threshold_ != plain.threshold_


def test_weights_and_trimmed_videos_go_through_a_search(videos):
    X, y = videos
    weight, trimmed = np.arange(len(X)) % 3 + 1, np.arange(len(X)) % 4 == 0
    cv = [(np.arange(0, 30), np.arange(30, 40))]
    with config_context(enable_metadata_routing=True):
        # scikit-learn 1.7 does not route to the score of a pipeline where scoring is None
        scoring = localization_scorer(0.5).set_score_request(sample_weight=True)
        search = GridSearchCV(routed(), {"asn__quantile": [0.3, 0.6]}, cv=cv, scoring=scoring)
        search.fit(X, y, sample_weight=weight, trimmed=trimmed)
    (fit, judge), found = cv[0], []
    scaler = ClipWise(StandardScaler()).fit(X[fit])
    for quantile in (0.3, 0.6):
        model = asn(quantile=quantile).fit(
            scaler.transform(X[fit]), y[fit], sample_weight=weight[fit], trimmed=trimmed[fit]
        )
        found.append(model.score(scaler.transform(X[judge]), y[judge], sample_weight=weight[judge]))
    assert_allclose(search.cv_results_["mean_test_score"], found)


def test_what_is_not_asked_for_is_refused(videos):
    X, y = videos
    with config_context(enable_metadata_routing=True):
        model = make_pipeline(asn().set_fit_request(trimmed=False))
        with pytest.raises(Exception, match="sample_weight"):
            model.fit(X, y, sample_weight=np.ones(len(X)))


# ---------------------------------------------------------------- searches


def test_cross_validate_with_several_scorers(videos):
    X, y = videos
    found = cross_validate(
        pipeline(),
        X,
        y,
        cv=2,
        scoring={
            "map": localization_scorer(0.5),
            "loose": localization_scorer(0.1),
            "videos": recognition_scorer("map"),
        },
        return_estimator=True,
        return_train_score=True,
    )
    assert np.all(found["test_loose"] >= found["test_map"])
    for kind in ("test", "train"):
        for name in ("map", "loose", "videos"):
            values = found[f"{kind}_{name}"]
            assert np.all((values >= 0) & (values <= 1))
    half = np.arange(len(X)) < len(X) // 2  # KFold's first test fold
    assert found["test_map"][0] == found["estimator"][0].score(X[half], y[half])


@pytest.mark.filterwarnings("ignore::sklearn_asn.exceptions.UnjudgedParameterWarning")
def test_search_refits_by_one_of_several_scorers(videos):
    search = GridSearchCV(
        pipeline(),
        {"asn__selection": [NaiveSelection(0.0), NaiveSelection(1.0)]},
        cv=2,
        scoring={"map": localization_scorer(0.5), "videos": recognition_scorer("map")},
        refit="map",
    ).fit(*videos)
    assert_array_equal(np.ptp(search.cv_results_["mean_test_videos"]), 0.0)
    assert search.best_score_ == search.cv_results_["mean_test_map"].max()
    assert len(search.predict(videos[0])) == len(videos[0])


@pytest.mark.slow
@pytest.mark.parametrize("resource", ["n_samples", "asn__max_epochs"])
def test_halving_grid_search(videos, resource):
    sizes = {"min_resources": 20, "max_resources": 40}
    if resource != "n_samples":
        sizes = {"min_resources": 2, "max_resources": 4}
    search = HalvingGridSearchCV(
        pipeline(),
        {"asn__quantile": [0.2, 0.4], "asn__hidden_size": [2, 4]},
        resource=resource,
        factor=2,
        cv=2,
        random_state=0,
        **sizes,
    ).fit(*videos)
    assert search.n_resources_ == list(sizes.values())
    assert search.n_candidates_ == [4, 2]
    assert np.all(np.isfinite(search.cv_results_["mean_test_score"]))


@pytest.mark.slow
@pytest.mark.parametrize("kind", [RandomizedSearchCV, HalvingRandomSearchCV])
def test_random_searches(videos, kind):
    options = {"n_iter": 3} if kind is RandomizedSearchCV else {"n_candidates": 3}
    if kind is HalvingRandomSearchCV:
        options |= {"min_resources": 20, "factor": 2}
    grid = {"asn__quantile": np.linspace(0.1, 0.6, 6)}
    search = kind(pipeline(), grid, cv=2, random_state=0, **options).fit(*videos)
    assert 0 <= search.best_score_ <= 1


@pytest.mark.slow
def test_pipeline_memory_fits_the_scaler_once(videos, tmp_path, monkeypatch):
    X, y = videos
    fits = []
    original = StandardScaler.fit
    monkeypatch.setattr(
        StandardScaler,
        "fit",
        lambda self, *args, **given: (fits.append(1), original(self, *args, **given))[1],
    )
    grid = {"asn__quantile": [0.2, 0.4, 0.6]}
    plain = GridSearchCV(pipeline(), grid, cv=2).fit(X, y)
    assert len(fits) == 3 * 2 + 1
    fits.clear()
    kept = GridSearchCV(pipeline(memory=str(tmp_path)), grid, cv=2).fit(X, y)
    assert len(fits) == 2 + 1
    assert_array_equal(kept.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"])
    assert kept.predict(X) == plain.predict(X)
