"""``class_activation="auto"``: one class a clip, unless videos show too many."""

import pickle

import numpy as np
import pytest

from sklearn_asn import ASNLocalizer, SelfTrainingLocalizer
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.saving import load_safetensors, save_safetensors


def auto(**changes):
    given = {
        "variant": "fusion", "init": "scratch", "pooling": "probability", "context_layers": 1,
        "context_size": 8, "optimizer": "adamw", "lr": 5e-3, "clips_per_video": None,
        "batch_size": 8, "max_epochs": 3, "class_activation": "auto", "random_state": 0,
    }  # fmt: skip
    return ASNLocalizer(**given | changes)


def labels_of(y):
    return [{s.label for s in video} for video in y]


@pytest.fixture
def videos():
    """Return videos of five classes, of which each shows one or two."""
    X, y = make_untrimmed_videos(n_videos=24, n_classes=5, random_state=0)
    assert 1 < np.mean([len(v) for v in labels_of(y)]) <= 5 / 3
    return X, y


@pytest.mark.parametrize(("topk_divisor", "came_to"), [(8, "softmax"), (2, "sigmoid")])
def test_it_is_the_one_that_the_labels_ask_for(videos, topk_divisor, came_to):
    X, y = videos
    n_labels = np.mean([len(v) for v in labels_of(y)])
    model = auto(topk_divisor=topk_divisor).fit(X, y)
    assert model.labels_per_video_ == pytest.approx(n_labels)
    assert (model.class_activation, model.class_activation_) == ("auto", came_to)
    named = auto(topk_divisor=topk_divisor, class_activation=came_to).fit(X, y)
    assert model.predict(X) == named.predict(X)
    np.testing.assert_array_equal(model.predict_proba(X), named.predict_proba(X))
    with pytest.raises(ValueError, match="trained with class_activation='auto'"):
        model.set_params(class_activation=came_to).predict(X)


@pytest.mark.parametrize(
    ("n_labels", "n_classes", "came_to"),
    [
        (1, 1, "sigmoid"),  # present or not
        (1, 2, "sigmoid"),
        (1, 3, "softmax"),  # a third of all
        (2, 5, "sigmoid"),
        (4, 24, "softmax"),  # half of topk_divisor=8
        (5, 24, "sigmoid"),
    ],
)
def test_a_third_of_the_classes_and_half_of_the_clips_are_not_too_much(
    videos, n_labels, n_classes, came_to
):
    X, _ = videos
    y = [{f"class {(i + j) % n_classes}" for j in range(n_labels)} for i in range(len(X))]
    assert auto(max_epochs=1).fit(X, y).class_activation_ == came_to


def test_a_video_counts_as_often_as_its_weight_says_and_without_labels_never(videos):
    X, _ = videos
    y = [{"a"}, {"a", "b", "c"}, set(), *[{"b"}] * (len(X) - 3)]
    weight = np.r_[1.0, 3.0, 5.0, np.zeros(len(X) - 3)]
    model = auto(max_epochs=1).fit(X, y, sample_weight=weight)
    assert model.labels_per_video_ == pytest.approx((1 + 3 * 3) / 4)


def test_trimmed_videos_count_where_there_are_no_others(videos):
    X, _ = videos
    y = [{"a", "b", "c"}, *[{"b"}] * (len(X) - 1)]
    trimmed = np.arange(len(X)) > 0
    assert auto(max_epochs=1).fit(X, y, trimmed=trimmed).labels_per_video_ == 3
    every = auto(max_epochs=1).fit(X, y, trimmed=np.ones(len(X), dtype=bool))
    assert every.labels_per_video_ == pytest.approx(1 + 2 / len(X))


def test_training_goes_on_with_what_it_came_to(videos):
    X, y = videos
    model = auto(topk_divisor=2).partial_fit(X, y)
    one = [sorted(v)[:1] or [model.classes_[0]] for v in labels_of(y)]
    model.partial_fit(X, one)
    assert model.class_activation_ == "sigmoid"
    assert model.fit(X, one).class_activation_ == "softmax"


def test_it_is_kept_in_files(videos, tmp_path):
    X, y = videos
    for divisor in (8, 2):
        model = auto(topk_divisor=divisor).fit(X, y)
        save_safetensors(model, tmp_path / "model.safetensors", overwrite=True)
        for again in (
            load_safetensors(tmp_path / "model.safetensors"),
            pickle.loads(pickle.dumps(model)),
        ):
            assert again.class_activation_ == model.class_activation_
            assert again.labels_per_video_ == model.labels_per_video_
            assert again.predict(X) == model.predict(X)


@pytest.mark.slow
def test_members_choose_as_alone_and_are_taught_in_these_terms(videos, tmp_path):
    X, y = videos

    def pair(kind):
        members = [("few", auto(class_activation=kind[0])),
                   ("many", auto(class_activation=kind[1], topk_divisor=2))]  # fmt: skip
        return SelfTrainingLocalizer(members, n_rounds=1, random_state=0)

    model = pair(["auto", "auto"]).fit(X, y)
    came_to = [one.class_activation_ for one in model.localizers_]
    assert came_to == ["softmax", "sigmoid"]
    assert model.predict(X) == pair(came_to).fit(X, y).predict(X)
    save_safetensors(model, tmp_path / "model.safetensors")
    assert load_safetensors(tmp_path / "model.safetensors").predict(X) == model.predict(X)
