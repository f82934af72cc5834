"""Every constructor argument has a stage, and the stage is what it says."""

import inspect

import numpy as np
import pytest
from sklearn.base import clone

from sklearn_asn import ASNLocalizer, SelfTrainingLocalizer
from sklearn_asn._fingerprint import fingerprint
from sklearn_asn._localizers.parameters import declared, sentence_of
from sklearn_asn.rivals import STPN, WTALC, AutoLoc, SingleInstance, UntrimmedNet
from sklearn_asn.selection import MultiQuantileSelection

CLASSES = [
    ASNLocalizer, UntrimmedNet, STPN, WTALC, AutoLoc, SingleInstance, SelfTrainingLocalizer,
]  # fmt: skip
FAST = {"max_epochs": 1, "random_state": 0}
SOFT = ASNLocalizer("fusion", pooling="probability", init="scratch", **FAST)
#: What those are made with that have other arguments.
MADE_WITH = {
    SingleInstance: {"max_iter": 20},
    SelfTrainingLocalizer: {"localizers": [("a", SOFT)], "n_rounds": 0, "random_state": 0},
}
#: Another valid value of every argument of training, where it differs from the default.
OTHER = {
    "quantile_videos": "all", "training_window": 2,
    "variant": "temporal", "init": "scratch", "main_stream": "spatial", "pooling": "topk",
    "precision": "bfloat16", "clip_selection": "hard", "lr_milestones": (0.9,),
    "streams": {"spatial": [0], "temporal": [1, 2]}, "context_layers": 1, "random_state": 1,
    "class_activation": "sigmoid", "unlabelled": "background", "optimizer": "adamw",
    "lr_schedule": "cosine", "smoothing": 5, "localizers": [("b", SOFT)],
    "scales": (1, 2), "localizer": UntrimmedNet(max_epochs=2),
}  # fmt: skip


def other_value(name, value):
    if name in OTHER:
        return OTHER[name]
    if value is None:
        return 1
    return value / 2 if isinstance(value, float) and value else value + 1


@pytest.fixture(scope="module")
def fitted(videos):
    X, y = videos
    return {kind: kind(**MADE_WITH.get(kind, FAST)).fit(X, y) for kind in CLASSES}


def named(stage):
    return [
        (kind, name)
        for kind in CLASSES
        for name, parameter in declared(kind).items()
        if parameter.stage == stage and name != "callbacks"
    ]


@pytest.mark.parametrize("kind", CLASSES)
def test_every_argument_is_declared(kind):
    names = list(inspect.signature(kind).parameters)
    assert list(declared(kind)) == names
    assert all(name in kind._parameters for name in names)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "name"), named("train"))
def test_a_changed_argument_of_training_is_an_error_in_use(fitted, videos, kind, name):
    X, y = videos[0][:3], videos[1][:3]
    model = fitted[kind]
    value = model.get_params(deep=False)[name]
    other = other_value(name, value)
    model.set_params(**{name: other})
    try:
        for use in ("predict", "transform", "attention", "predict_proba", "decision_function"):
            with pytest.raises(ValueError, match="Call fit again, or set it back") as caught:
                getattr(model, use)(X)
            assert f"{name}={other!r}" in str(caught.value)
            assert f"{name}={value!r}" in str(caught.value)
        with pytest.raises(ValueError, match=f"^{name}="):
            model.score(X, y)
    finally:
        model.set_params(**{name: value})
    model.predict(X)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "name"), named("use"))
def test_an_argument_of_use_is_checked_when_it_is_used(fitted, videos, kind, name):
    X, _ = videos
    model = fitted[kind]
    value = model.get_params(deep=False)[name]
    model.set_params(**{name: "no such value"})
    try:
        with pytest.raises(ValueError, match=name):
            model.predict(X)
    finally:
        model.set_params(**{name: value})


@pytest.mark.parametrize(("kind", "name"), named("machine"))
def test_an_argument_of_the_machine_changes_no_fingerprint(fitted, kind, name):
    model = fitted[kind]
    mark, value = fingerprint(model), model.get_params(deep=False)[name]
    model.set_params(**{name: "cpu" if name == "device" else 1})
    try:
        assert fingerprint(model) == mark
    finally:
        model.set_params(**{name: value})


@pytest.mark.parametrize("kind", CLASSES)
def test_arguments_of_use_change_the_fingerprint(fitted, kind):
    model = fitted[kind]
    name, other = ("nms_threshold", 0.3) if kind is AutoLoc else ("video_threshold", 0.2)
    value = model.get_params(deep=False)[name]
    mark = fingerprint(model)
    model.set_params(**{name: other})
    assert fingerprint(model) != mark
    model.set_params(**{name: value})
    assert fingerprint(model) == mark


def test_a_quantile_and_a_selection_hold_at_once(fitted, videos):
    X, _ = videos
    model = fitted[ASNLocalizer]
    before = model.predict(X)
    model.set_params(quantile=0.9)
    assert model.predict(X) != before
    model.set_params(quantile=0.5, selection=MultiQuantileSelection())
    assert model.predict(X) != before
    model.set_params(selection=None)
    assert model.predict(X) == before


def test_equal_values_of_other_types_are_no_change(videos):
    X, y = videos
    streams = {"spatial": slice(0, 5), "temporal": np.arange(35, 40)}
    model = ASNLocalizer("bottleneck", streams=streams, lr_milestones=[0.5, 0.75], **FAST)
    before = model.fit(X, y).predict(X)
    model.set_params(
        streams={"spatial": slice(0, 5), "temporal": [35, 36, 37, 38, 39]},
        lr_milestones=np.array([0.5, 0.75]), max_epochs=np.int64(1),
    )  # fmt: skip
    assert model.predict(X) == before
    streams["spatial"] = slice(0, 4)  # the caller's own dict, after the fit
    model.set_params(streams=streams)
    with pytest.raises(ValueError, match="streams="):
        model.predict(X)


def test_inner_arguments_of_a_held_localizer_count(fitted, videos):
    X, _ = videos
    model = clone(AutoLoc(UntrimmedNet("temporal", max_epochs=1), random_state=0)).fit(*videos)
    model.set_params(localizer__dropout=0.1)
    with pytest.raises(ValueError, match="localizer="):
        model.predict(X)


@pytest.mark.parametrize("kind", CLASSES)
def test_the_reference_says_when_each_holds(kind):
    assert {sentence_of(kind, name) for name in declared(kind)} == {
        "Needs a fit.",
        "Holds at once, also on a fitted localizer.",
        "Changes nothing in the result.",
    }
