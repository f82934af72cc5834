"""What is said of the data before training."""

import warnings
from contextlib import suppress

import numpy as np
import pytest

from sklearn_asn import ASNLocalizer, SelfTrainingLocalizer
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.exceptions import (
    ShortVideosWarning,
    UnscaledFeaturesWarning,
    UntaughtAttentionWarning,
)
from sklearn_asn.rivals import STPN, WTALC, AutoLoc, UntrimmedNet

FAST = {"max_epochs": 1, "random_state": 0, "clips_per_video": 3}
TEMPORAL = ASNLocalizer("temporal", **FAST)


@pytest.fixture(scope="module")
def data():
    return make_untrimmed_videos(12, trimmed_videos=6, random_state=0)


def quiet():
    """Let none of the two warnings pass; others may."""
    warnings.simplefilter("error", UntaughtAttentionWarning)
    warnings.simplefilter("error", UnscaledFeaturesWarning)
    warnings.simplefilter("ignore", ShortVideosWarning)


@pytest.mark.slow
@pytest.mark.parametrize("localizer", [TEMPORAL, UntrimmedNet(**FAST), ASNLocalizer(**FAST)])
@pytest.mark.filterwarnings("ignore::sklearn_asn.exceptions.ShortVideosWarning")
def test_trimmed_or_one_clip_videos_only(data, localizer) -> None:
    X, y = data
    every = np.ones(len(X), dtype=bool)
    with pytest.warns(UntaughtAttentionWarning, match="all videos are trimmed"):
        localizer.fit(X, y, trimmed=every)
    with pytest.warns(UntaughtAttentionWarning, match=r"every video is one clip \(of 1 row\)"):
        localizer.fit([x[:1] for x in X], y)
    longer = int(X.lengths.max())
    whole = localizer.get_params() | {"frames_per_clip": longer}
    with pytest.warns(UntaughtAttentionWarning, match=f"of {longer} rows"):
        type(localizer)(**whole).fit(X, y)
    one = localizer.get_params() | {"clips_per_video": 1}
    with pytest.warns(UntaughtAttentionWarning, match="a larger clips_per_video"):
        type(localizer)(**one).fit(X, y)


@pytest.mark.slow
def test_the_videos_that_count_decide(data) -> None:
    X, y = data
    trimmed = np.arange(len(X)) >= 12
    with pytest.warns(UntaughtAttentionWarning, match="trimmed"):
        TEMPORAL.fit(X, y, trimmed=trimmed, sample_weight=trimmed.astype(float))
    with warnings.catch_warnings():
        quiet()
        TEMPORAL.fit(X, y, trimmed=trimmed)


@pytest.mark.slow
def test_attention_that_needs_no_neighbours(data) -> None:
    """Other ways to pool teach single clips; a parent brings its own; a table has no time."""
    X, y = data
    every = np.ones(len(X), dtype=bool)
    parent = ASNLocalizer("temporal", **FAST).fit(X, y)
    member = ASNLocalizer("temporal", pooling="probability", **FAST)
    with warnings.catch_warnings():
        quiet()
        for localizer in (
            member,
            ASNLocalizer("temporal", pooling="topk", **FAST),
            ASNLocalizer("fusion", init=parent, **FAST),
            STPN(max_epochs=1, random_state=0),
            WTALC(max_epochs=1, random_state=0, hidden_size=8),
            SelfTrainingLocalizer([("one", member)], n_rounds=0, random_state=0),
        ):
            localizer.fit(X, y, trimmed=every)
        TEMPORAL.fit(np.stack([x[0] for x in X]), [min(s.label for s in v) for v in y])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn_asn.exceptions.LocalizationWarning")
def test_unscaled_features(data) -> None:
    X, y = data
    large = X.with_values(X.values * 40, X.feature_names)
    for localizer in (TEMPORAL, UntrimmedNet(**FAST), STPN(max_epochs=1, random_state=0)):
        with pytest.warns(UnscaledFeaturesWarning, match=r"ClipWise\(StandardScaler"):
            localizer.fit(large, y)
    member = ASNLocalizer("temporal", pooling="probability", **FAST)
    saturated = (np.errstate(divide="ignore"), suppress(FloatingPointError))
    with pytest.warns(UnscaledFeaturesWarning), saturated[0], saturated[1]:
        SelfTrainingLocalizer([("one", member)], n_rounds=0, random_state=0).fit(large, y)
    with pytest.warns(UnscaledFeaturesWarning):
        AutoLoc(TEMPORAL, random_state=0).fit(large, y)
    half = X.n_features // 2
    spatial = X.values.copy()
    spatial[:, :half] *= 1000  # columns that this variant does not read
    with warnings.catch_warnings():
        quiet()
        TEMPORAL.fit(X.with_values(spatial, X.feature_names), y)
        TEMPORAL.fit(X.with_values(X.values * 0.01, X.feature_names), y)
