"""The whole path on real recordings (HAPT), where they are beside the checkout."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GroupShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, ClipWise
from sklearn_asn.metrics import localization_map, recognition_accuracy

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def people(hapt):
    """Indices of bags to train on, and of other people's."""
    split = GroupShuffleSplit(1, test_size=0.3, random_state=0)
    return next(split.split(hapt.X, groups=hapt.groups))


def test_default_settings_do_not_diverge(hapt):
    """All defaults but the number of epochs: divergence shows while the learning rate is high."""
    model = ASNLocalizer(max_epochs=4, random_state=0, device="cpu")
    model.fit(ClipWise(StandardScaler()).fit_transform(hapt.X[::2]), hapt.y[::2])
    losses = [epoch["train_loss"] for epoch in model.history_]
    assert len(losses) == 4
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


def test_low_quantile_and_the_recommended_options_pay(hapt, people):
    """A quarter of the time is background, so quantile 0.15 beats 0.5; see docs/results_hapt.md."""
    train, test = people
    asn = ASNLocalizer(
        "fusion", init="scratch", batch_size=64, clips_per_video=None, weight_decay=0.02,
        max_epochs=30, video_threshold=0.05, random_state=0, device="cpu",
    )  # fmt: skip
    model = make_pipeline(ClipWise(StandardScaler()), asn).fit(hapt.X[train], hapt.y[train])
    X, y = hapt.X[test], hapt.y[test]
    half = localization_map(y, model.predict(X))
    low = localization_map(y, model.set_params(asnlocalizer__quantile=0.15).predict(X))
    assert low > half + 0.02
    better = clone(model).set_params(
        asnlocalizer__context_layers=1, asnlocalizer__pooling="topk",
        asnlocalizer__weight_decay=0.01,
    )  # fmt: skip
    better.fit(hapt.X[train], hapt.y[train])
    assert localization_map(y, better.predict(X)) > low + 0.05
    accuracy = recognition_accuracy(y, better.predict_proba(X), classes=better.classes_)
    assert accuracy > 0.85
