"""`student_params`: what the networks of the rounds have in place of what is given."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from test_self_training import ensemble, member

from sklearn_asn.rivals import UntrimmedNet
from sklearn_asn.saving import load_safetensors, save_safetensors

STUDENTS = {"dropout": 0.2, "max_epochs": 3}


@pytest.fixture(scope="module")
def fitted(videos):
    return ensemble(student_params=STUDENTS).fit(*videos)


def test_they_hold_from_the_first_round_on(videos, fitted):
    teachers = [one for _, one in fitted.localizers]
    assert [one.dropout for one in teachers] == [0.5, 0.5]  # what was given is left as it is
    assert [(one.dropout, one.max_epochs) for one in fitted.localizers_] == [(0.2, 3)] * 2
    assert [epoch["round"] for epoch in fitted.history_] == [0] * 2 * 4 + [1] * 2 * 3
    alone = ensemble(n_rounds=0, student_params=STUDENTS).fit(*videos)
    assert [one.dropout for one in alone.localizers_] == [0.5, 0.5]
    first = [epoch["train_loss"] for epoch in fitted.history_ if epoch["round"] == 0]
    assert first == [epoch["train_loss"] for epoch in alone.history_]


def test_one_may_have_its_own(videos):
    model = ensemble(student_params={"wide__dropout": 0.3, "max_epochs": 2, "narrow__lr": 0.1})
    narrow, wide = model.fit(*videos).localizers_
    assert (narrow.dropout, narrow.lr, narrow.max_epochs) == (0.5, 0.1, 2)
    assert (wide.dropout, wide.max_epochs) == (0.3, 2)
    assert wide.lr == dict(model.localizers)["wide"].lr
    model = ensemble(student_params={"wide__dropout": 0.3, "dropout": 0.1})
    assert [one.dropout for one in model.fit(*videos).localizers_] == [0.1, 0.3]


@pytest.mark.slow
def test_those_that_are_given_already_change_nothing(videos):
    X, y = videos
    plain, same = (ensemble(student_params=p).fit(X, y) for p in (None, {"dropout": 0.5}))
    assert same.predict(X) == plain.predict(X)
    np.testing.assert_array_equal(same.attention_quantiles_, plain.attention_quantiles_)


def test_they_are_copied_kept_and_no_longer_to_be_changed(videos, fitted, tmp_path):
    X, _ = videos
    want = fitted.predict(X)
    save_safetensors(fitted, tmp_path / "model.safetensors")
    for again in (
        pickle.loads(pickle.dumps(fitted)),
        load_safetensors(tmp_path / "model.safetensors"),
    ):
        assert again.predict(X) == want
        assert clone(again).student_params == STUDENTS
        with pytest.raises(ValueError, match="trained with student_params"):
            again.set_params(student_params={"dropout": 0.3}).predict(X)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (0.3, "student_params=0.3; expected None or a dict of parameters"),
        ({3: 0.3}, "student_params={3: 0.3}; expected None or a dict"),
        ({"drop": 0.3}, "student_params has 'drop', which 'narrow' of localizers"),
        ({"wide__drop": 0.3}, "student_params has 'drop', which 'wide' of localizers"),
        ({"broad__dropout": 0.3}, "student_params has 'broad__dropout', which 'narrow' of"),
        ({"wide": None}, "student_params has 'wide', which 'narrow' of localizers"),
        ({"dropout": 3}, "dropout=3"),
        (
            {"pooling": "topk"},
            "(?s)student_params: 'narrow' is .* a localizer that knows a background",
        ),
        ({"training_window": 3, "context_layers": 0}, "student_params: 'narrow' has a training_w"),
        ({"frames_per_clip": 2}, r"frames_per_clip of \[1, 2\]"),
    ],
)
@pytest.mark.parametrize("n_rounds", [0, 1])
def test_what_cannot_be(videos, params, message, n_rounds):
    model = ensemble(student_params=params, n_rounds=n_rounds)
    with pytest.raises(ValueError, match=message):
        model.fit(*videos)
    assert not hasattr(model, "classes_")


def test_all_localizers_must_have_them(videos):
    both = [("ours", member(1)), ("theirs", UntrimmedNet())]
    with pytest.raises(ValueError, match="'theirs'"):
        ensemble(localizers=both, student_params={"context_layers": 1}).fit(*videos)


def test_one_may_be_left_out_as_in_a_voting_classifier(videos, tmp_path):
    X, y = videos
    model = ensemble(student_params={"wide__dropout": 0.3}).set_params(wide="drop")
    assert model.get_params()["wide"] == "drop"
    assert clone(model).localizers[1] == ("wide", "drop")
    model.fit(X, y)
    assert list(model.named_localizers_) == ["narrow"]
    assert {epoch["localizer"] for epoch in model.history_} == {"narrow"}
    save_safetensors(model, tmp_path / "model.safetensors")
    assert load_safetensors(tmp_path / "model.safetensors").predict(X) == model.predict(X)
    again = model.set_params(wide=member(2))
    assert again.get_params()["wide__context_layers"] == 2
    with pytest.raises(ValueError, match="trained with localizers"):
        again.predict(X)
    assert list(again.fit(X, y).named_localizers_) == ["narrow", "wide"]


@pytest.mark.parametrize("value", ["dropped", None, 3])
def test_what_cannot_be_left_out(videos, value):
    with pytest.raises(ValueError, match=r"localizers: 'wide' is .*expected a localizer"):
        ensemble(localizers=[("narrow", member(1)), ("wide", value)]).fit(*videos)
    with pytest.raises(ValueError, match="wide__lr cannot be set: 'wide' is 'drop'"):
        ensemble().set_params(wide="drop", wide__lr=0.1)
    with pytest.raises(ValueError, match="expected at least one that is not 'drop'"):
        ensemble(localizers=[("narrow", "drop")]).fit(*videos)
