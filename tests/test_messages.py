"""Warnings that a user can act on: when they come, what they say, and when they do not come."""

import pickle
import re
import warnings

import numpy as np
import pytest
import torch
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, Clips, ClipWise
from sklearn_asn._doclink import DocumentedMixin
from sklearn_asn._localizers.advice import warn_collapsed_attention
from sklearn_asn.exceptions import (
    CollapsedAttentionWarning,
    FewStepsWarning,
    LocalizationWarning,
    NoClassPassedWarning,
    NoClipPassedWarning,
    ShortVideosWarning,
    UnjudgedParameterWarning,
    UnseenClassWarning,
)
from sklearn_asn.metrics import recognition_scorer, weak_clip_scorer, weak_detection_scorer
from sklearn_asn.rivals import STPN, WTALC, AutoLoc, UntrimmedNet
from sklearn_asn.selection import MultiQuantileSelection, NaiveSelection

FAST = {"max_epochs": 4, "batch_size": 16, "random_state": 0, "device": "cpu"}


def asn(variant="temporal", **changes):
    return ASNLocalizer(variant, **{**FAST, "hidden_size": 4, **changes})


def all_warnings(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return caught


@pytest.fixture(scope="module")
def fitted(videos):
    return asn(max_epochs=20).fit(*videos)


def other_use(fitted, **changes):
    """The same fit, used otherwise."""
    import copy

    return copy.deepcopy(fitted).set_params(**changes)


# ---------------------------------------------------------------- fit: short videos


@pytest.mark.slow
def test_most_videos_are_shorter_than_the_sample(videos):
    X, y = videos
    n_short = int((X.lengths < 60).sum())
    assert n_short > len(X) / 2
    (one,) = all_warnings(lambda: asn(clips_per_video=60, verbose=0).fit(X, y))
    assert one.category is ShortVideosWarning
    assert one.filename == __file__  # the user's line, not ours
    text = str(one.message)
    assert text.startswith(f"{n_short} of {len(X)} videos (")
    assert "clips_per_video=60" in text
    assert text.endswith("use a smaller clips_per_video.")


def test_which_videos_are_short(videos):
    X, y = videos
    rows = [X[i] for i in range(12)]
    short = [0, 2, 3, 5, 6, 7, 9, 11]
    cut = Clips.from_list([v[:4] if i in short else v for i, v in enumerate(rows)])
    with pytest.warns(ShortVideosWarning, match=r"^8 of 12 videos \(0, 2, 3, \.\.\.\) have"):
        asn().fit(cut, y[:12])
    trimmed = np.zeros(12, dtype=bool)
    trimmed[0] = True  # sampled as one clip; what has no weight is no video
    weight = np.ones(12)
    weight[3] = 0
    with pytest.warns(ShortVideosWarning, match=r"^6 of 10 videos \(2, 5, 6, \.\.\.\) have"):
        asn().fit(cut, y[:12], trimmed=trimmed, sample_weight=weight)
    trimmed[1] = True  # too few for a message
    assert not all_warnings(lambda: asn().fit(cut, y[:12], trimmed=trimmed, sample_weight=weight))


def test_frames_per_clip_is_named_where_it_makes_them_short(videos):
    with pytest.warns(ShortVideosWarning, match=r"smaller clips_per_video or frames_per_clip\."):
        asn(frames_per_clip=15).fit(*videos)


def test_some_short_videos_are_no_message(videos):
    X, y = videos
    asn(clips_per_video=int(np.median(X.lengths))).fit(X, y)  # warnings are errors
    asn(clips_per_video=None).fit(X, y)


def test_rivals_that_take_all_clips_of_most_videos(videos):
    STPN("temporal", **FAST).fit(*videos)  # 400 clips at most
    WTALC(4, **FAST).fit(*videos)  # 750
    with pytest.warns(ShortVideosWarning):
        UntrimmedNet("temporal", clips_per_video=60, **FAST).fit(*videos)


def test_a_table_is_never_warned_about():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 6)), np.arange(30) % 3
    model = asn(video_threshold=0.99, quantile=1.0).fit(X, y)
    model.predict(X[:20] - 5)
    model.transform(X)
    model.score(X, [*y[:-1], 7])
    asn().fit(np.zeros((30, 6)), y)


# ---------------------------------------------------------------- fit: attention


def test_constant_features_collapse_attention(videos):
    X, y = videos
    with pytest.warns(CollapsedAttentionWarning, match="no quantile separates") as caught:
        asn().fit(X.with_values(np.ones_like(X.values)), y)
    assert len(caught) == 1


@pytest.mark.filterwarnings("ignore::sklearn_asn.exceptions.UnscaledFeaturesWarning")
def test_attention_on_one_clip_collapses(videos, tmp_path):
    X, y = videos
    blown = X.with_values(X.values * 1000)
    model = asn(lr=1e-6, gradient_clip=None, memory=str(tmp_path))
    for _ in range(2):  # a training from memory is told about alike
        with pytest.warns(
            CollapsedAttentionWarning, match=r"one clip of every video gets 99\."
        ) as w:
            model.fit(blown, y)
        assert sum(one.category is CollapsedAttentionWarning for one in w) == 1
    assert model.history_[-1]["attention_peak"] > 0.99
    UntrimmedNet("temporal", clip_selection="hard", **FAST).fit(X, y)


def test_attention_peak_is_what_it_says(videos):
    X, y = videos
    model = asn(clips_per_video=None, batch_size=len(X), dropout=0.0, lr=0.0).fit(X, y)
    share = [torch.softmax(torch.from_numpy(a), 0).max().item() for a in model.attention(X)]
    peaks = [epoch["attention_peak"] for epoch in model.history_]
    np.testing.assert_allclose(peaks, np.mean(share), rtol=1e-4)
    few = asn().fit(X[:9], y[:9])
    assert "attention_peak" not in few.history_[-1]
    assert "attention_peak" not in asn(pooling="topk").fit(X, y).history_[-1]


def test_collapse_is_of_all_models_and_relative_to_their_size():
    rising, flat = np.linspace(-1, 1, 101), np.full(101, 2000.0)
    noise = flat + np.linspace(0, 1e-4, 101)
    warn_collapsed_attention(np.stack([flat, rising]), [{}], True)
    warn_collapsed_attention(flat[None], [{}], False)
    with pytest.warns(CollapsedAttentionWarning, match="the same, 2e\\+03"):
        warn_collapsed_attention(noise[None], [{}], True)


# ---------------------------------------------------------------- use


@pytest.mark.parametrize("method", ["predict", "transform"])
def test_no_class_passes(videos, fitted, method):
    X, _ = videos
    model = other_use(fitted, video_threshold=0.95)
    (one,) = all_warnings(lambda: getattr(model, method)(X))
    assert one.category is NoClassPassedWarning
    assert one.filename == __file__
    found = re.match(
        r"In (\d+) of 40 videos \(([\d, .]+)\) no class scores above", str(one.message)
    )
    below = np.flatnonzero(model.predict_proba(X).max(axis=1) <= 0.95)
    assert int(found[1]) == len(below)
    assert found[2] == ", ".join(map(str, below[:3])) + ", ..."
    other_use(fitted, video_threshold=1.0).predict(X)  # asks for the best class
    getattr(model, method)(X[:9])  # so few are no pattern


@pytest.mark.parametrize("method", ["predict", "transform"])
def test_no_clip_reaches_the_threshold(videos, fitted, method, monkeypatch):
    X, _ = videos
    # the count is of all blocks
    monkeypatch.setattr("sklearn_asn._localizers.finite.CLIPS_AT_ONCE", 200)
    highest = np.array([a.max() for a in fitted.attention(X)])
    model = other_use(fitted)
    model.net_.module_.attention_quantiles.fill_(np.quantile(highest, 0.7) + 1e-3)
    below = np.flatnonzero(highest < model.threshold_)
    (one,) = all_warnings(lambda: getattr(model, method)(X))
    assert one.category is NoClipPassedWarning
    assert f"In {len(below)} of 40 videos ({below[0]}, {below[1]}, {below[2]}, ...)" in str(
        one.message
    )
    assert "Use a lower quantile (it is 0.5)" in str(one.message)
    model.net_.module_.attention_quantiles -= 1 + np.ptp(highest)
    getattr(model, method)(X)


def test_attention_by_class_counts_the_localized_ones(videos):
    X, y = videos
    model = asn(pooling="topk", max_epochs=20).fit(X, y)
    model.predict(X)
    model.net_.module_.attention_quantiles += 1000
    with pytest.warns(NoClipPassedWarning, match="In 40 of 40 videos"):
        model.predict(X)


def test_autoloc_warns_once(videos, fitted):
    from sklearn.frozen import FrozenEstimator

    model = AutoLoc(FrozenEstimator(fitted), random_state=0, device="cpu").fit(*videos)
    model.predict(videos[0])
    model.localizer_ = other_use(fitted, video_threshold=0.95)
    (one,) = all_warnings(lambda: model.predict(videos[0]))
    assert one.category is NoClassPassedWarning


def test_unseen_classes_in_score(videos, fitted):
    X, y = videos
    extra = [[*video, ("new", 0.0, 1.0)] for video in y]
    n = len(fitted.classes_)
    with pytest.warns(UnseenClassWarning, match=r"^1 of the 4 classes of y \('new'\) were never"):
        assert fitted.score(X, extra) == pytest.approx(fitted.score(X, y) * n / (n + 1))
    labels = [{s.label for s in video} | {"new", "other"} for video in y]
    with pytest.warns(UnseenClassWarning, match=r"2 of the 5 classes of y \('new', 'other'\)"):
        fitted.score(X, labels)
    fitted.score(X[:3], y[:3])  # fewer than were trained on


def test_all_can_be_silenced_together(videos):
    X, y = videos
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LocalizationWarning)
        asn(clips_per_video=60, video_threshold=0.95).fit(X, y).predict(X)


# ---------------------------------------------------------------- HTML

PAGES = "https://docs.invalid/generated/"


@pytest.fixture
def published(monkeypatch):
    """Let the documentation have an address, which it has not yet."""
    template = PAGES + "{estimator_module}.{estimator_name}.html"
    monkeypatch.setattr(DocumentedMixin, "_doc_link_template", template)


@pytest.mark.parametrize(
    ("estimator", "page"),
    [
        (asn(), "sklearn_asn.ASNLocalizer"),
        (STPN(), "sklearn_asn.rivals.STPN"),
        (WTALC(), "sklearn_asn.rivals.WTALC"),
        (UntrimmedNet(), "sklearn_asn.rivals.UntrimmedNet"),
        (AutoLoc(), "sklearn_asn.rivals.AutoLoc"),
    ],
)
@pytest.mark.usefixtures("published")
def test_html_has_a_link_to_the_documentation(estimator, page):
    with config_context(display="diagram"):
        html = estimator._repr_html_()
        assert f'href="{PAGES}{page}.html' in html
        assert "text/html" in estimator._repr_mimebundle_()
        assert f"{PAGES}{page}.html" in make_pipeline(StandardScaler(), estimator)._repr_html_()
    with config_context(display="text"):
        assert not hasattr(estimator, "_repr_html_")
        assert list(estimator._repr_mimebundle_()) == ["text/plain"]
    assert repr(estimator).startswith(type(estimator).__name__)


@pytest.mark.usefixtures("published")
def test_html_of_a_fitted_pipeline(videos):
    X, y = videos
    model = make_pipeline(ClipWise(StandardScaler()), asn()).fit(X, y)
    html = model._repr_html_()
    assert f"{PAGES}sklearn_asn.ASNLocalizer.html" in html
    assert "clips_per_video" in html


def test_what_happens_where_no_class_passes_is_said(videos):
    X, y = videos
    model = asn(video_threshold=0.99999).fit(X, y)
    with pytest.warns(NoClassPassedWarning, match="so that the best one was taken"):
        assert len(model.predict(X).label) > 0
    model.set_params(when_none_passes="nothing")
    with pytest.warns(NoClassPassedWarning, match="so that nothing is localized there"):
        assert len(model.predict(X).label) == 0


def test_html_links_to_nothing_of_ours_while_there_is_no_site(videos):
    X, y = videos
    html = make_pipeline(ClipWise(StandardScaler()), asn()).fit(X, y)._repr_html_()
    links = re.findall(r'href="([^"#]+)', html)
    assert links, "scikit-learn's own have one"
    assert all("://scikit-learn.org/" in link for link in links)


@pytest.mark.usefixtures("published")
def test_a_class_of_the_user_has_no_link():
    class Mine(ASNLocalizer, auto_wrap_output_keys=None):
        pass

    assert Mine()._get_doc_link() == ""


# ---------------------------------------------------------------- few steps


@pytest.mark.slow
def test_one_step_an_epoch(videos):
    """The paper's batch of 512 on the README's 120 videos, or on 40."""
    X, y = videos
    model = ASNLocalizer("temporal", max_epochs=3, random_state=0, device="cpu")
    message = r"All 40 videos are in one batch \(batch_size=512\).* 3 of them.*batch_size \(10, say"
    with pytest.warns(FewStepsWarning, match=message):
        model.fit(X, y)
    with pytest.warns(FewStepsWarning, match="All 38 videos"):
        model.fit(X, y, sample_weight=np.arange(len(X)) >= 2)
    with pytest.warns(FewStepsWarning):
        WTALC(max_epochs=2, batch_size=40, random_state=0, device="cpu").fit(X, y)


@pytest.mark.slow
def test_a_large_batch_may_be_meant(videos):
    X, y = videos
    few = X[:9], y[:9]
    model = ASNLocalizer("temporal", max_epochs=3, random_state=0, device="cpu")
    model.fit(*few)  # so few that there is no advice
    clone(model).set_params(batch_size=20).fit(X, y)
    clone(model).set_params(max_epochs=320, hidden_size=2).fit(X[:12], y[:12])
    clone(model).fit(X, y, trimmed=np.arange(len(X)) < 3)  # whose batches are steps, too


# ---------------------------------------------------------------- labels that are to judge


LABEL_SCORING = [
    None,
    recognition_scorer("map"),
    recognition_scorer("accuracy"),
    weak_detection_scorer(),
    weak_clip_scorer(),
]


@pytest.mark.slow
@pytest.mark.parametrize("scoring", LABEL_SCORING)
@pytest.mark.parametrize(
    ("grid", "named"),
    [
        ({"quantile": [0.2, 0.4]}, "quantile was"),
        ({"selection": [NaiveSelection(), MultiQuantileSelection()]}, "selection was"),
        ({"hidden_size": [2, 3], "video_threshold": [0.05, 0.2]}, "video_threshold was"),
    ],
)
def test_a_search_that_labels_cannot_judge(videos, scoring, grid, named):
    X, y = videos[0][:20], videos[1][:20]
    labels = [{segment.label for segment in video} for video in y]
    model = ASNLocalizer("temporal", **FAST | {"max_epochs": 1})
    pipe = make_pipeline(ClipWise(StandardScaler()), model)
    for one, prefix in ((model, ""), (pipe, "asnlocalizer__")):
        search = GridSearchCV(
            one, {prefix + k: v for k, v in grid.items()}, scoring=scoring, cv=2, refit=False
        )
        with pytest.warns(UnjudgedParameterWarning, match=f"^{named}.*TimedSplit"):
            search.fit(X, labels)


@pytest.mark.slow
@pytest.mark.parametrize("scoring", LABEL_SCORING)
def test_a_search_that_labels_may_judge(videos, scoring):
    """Also with a quantile of one's own: warnings are errors here."""
    X, y = videos
    labels = [{segment.label for segment in video} for video in y]
    model = ASNLocalizer("temporal", **FAST, quantile=0.3, selection=NaiveSelection())
    grid = {"weight_decay": [0.0, 0.01], "quantile": [0.3]}
    search = GridSearchCV(model, grid, scoring=scoring, cv=2).fit(X, labels)
    search.best_estimator_.set_params(quantile=0.1).score(X, labels)  # set on a fitted one


def test_a_search_that_segments_judge(videos):
    X, y = videos
    search = GridSearchCV(ASNLocalizer("temporal", **FAST), {"quantile": [0.2, 0.4]}, cv=2)
    search.fit(X, y)
    model = pickle.loads(pickle.dumps(search.best_estimator_))
    assert clone(model).get_params() == search.best_estimator_.get_params()
    labels = [{segment.label for segment in video} for video in y]
    clone(model).fit(X, y).score(X, labels)  # a clone has not been searched over


def test_parameters_of_a_selection_are_unjudged_too(videos):
    X, y = videos
    labels = [{segment.label for segment in video} for video in y]
    model = ASNLocalizer("temporal", **FAST, selection=NaiveSelection())
    search = GridSearchCV(model, {"selection__min_score": [None, 0.2]}, cv=2, refit=False)
    with pytest.warns(UnjudgedParameterWarning, match="^selection was"):
        search.fit(X, labels)
