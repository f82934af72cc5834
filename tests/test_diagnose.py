"""`diagnose`: the numbers are those that the public methods give."""

import warnings

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, Clips, ClipWise, SelfTrainingLocalizer, diagnose
from sklearn_asn.exceptions import LocalizationWarning
from sklearn_asn.metrics import localization_map, recognition_map
from sklearn_asn.rivals import STPN, AutoLoc, SingleInstance

FAST = {"batch_size": 16, "max_epochs": 10, "device": "cpu", "random_state": 0}


@pytest.fixture(scope="module")
def pipeline(videos):
    asn = ASNLocalizer("fusion", init="scratch", **FAST)
    return make_pipeline(ClipWise(StandardScaler()), asn).fit(*videos)


@pytest.fixture(scope="module")
def found(pipeline, videos):
    return diagnose(pipeline, *videos)


def test_numbers_are_those_of_the_public_methods(found, pipeline, videos):
    X, y = videos
    segments = pipeline.predict(X)
    assert (found.n_videos, found.n_clips) == (len(X), X.lengths.sum())
    assert found.n_segments == len(segments.label)
    assert found.segments_per_video == len(segments.label) / len(X)
    length = segments.end - segments.start  # a clip is a second
    assert found.one_clip_share == pytest.approx(np.mean(length < 1.5))
    empty = ~np.concatenate(pipeline.transform(X)).any(axis=1)
    assert found.background_share == pytest.approx(empty.mean())
    assert found.quantile == pipeline[-1].quantile
    assert found.threshold == pytest.approx(pipeline[-1].threshold_)
    assert found.score == pytest.approx(localization_map(y, segments))
    np.testing.assert_array_equal(found.video_scores, pipeline.predict_proba(X))


def test_precision_counts_every_true_segment_once(found, pipeline, videos):
    X, y = videos
    right = 0
    for truth, segments in zip(y, pipeline.predict(X), strict=True):
        taken = set()
        for s in sorted(segments, key=lambda s: -s.score):
            free = [
                (min(s.end, t.end) - max(s.start, t.start))
                / (max(s.end, t.end) - min(s.start, t.start))
                if i not in taken and t.label == s.label
                else 0.0
                for i, t in enumerate(truth)
            ]
            if free and max(free) >= 0.5:
                taken.add(int(np.argmax(free)))
                right += 1
    assert found.precision == pytest.approx(right / found.n_segments)


def test_with_labels_only(pipeline, videos):
    X, y = videos
    labels = [{segment.label for segment in video} for video in y]
    found = diagnose(pipeline, X, labels)
    pairs = zip(labels, pipeline.predict(X), strict=True)
    right = [segment.label in known for known, video in pairs for segment in video]
    assert found.rule == "label of the video"
    assert found.precision == pytest.approx(np.mean(right))
    classes = pipeline.classes_
    want = recognition_map(labels, pipeline.predict_proba(X), classes=classes)
    assert found.score == pytest.approx(want)
    assert 0 < found.baseline_score <= 1


def test_without_y(pipeline, videos):
    found = diagnose(pipeline, videos[0])
    assert found.precision is found.score is found.baseline_score is None
    assert "baseline" not in str(found)


def test_text_and_table(found):
    text, table = str(found), found._repr_html_()
    for part in ("temporal stream", "alive", "one clip long", "SingleInstance", "precision"):
        assert part in text
        assert part in table
    assert len(text.splitlines()) == table.count("<tr>")


@pytest.mark.slow
def test_a_dead_stream_is_called_dead(videos):
    X, y = videos
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LocalizationWarning)
        options = {**FAST, "max_epochs": 60, "weight_decay": 0.1, "hidden_size": 8}
        dead = ASNLocalizer("bilinear", init="scratch", **options).fit(X, y)
    found = diagnose(dead, X)
    assert found.dead_streams == ["spatial"]
    assert found.changed_clips["spatial"] == 0 < found.changed_clips["temporal"]
    assert "DEAD" in str(found)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn_asn.exceptions.LocalizationWarning")
def test_other_localizers(videos):
    X, y = videos
    asn = ASNLocalizer("temporal", **FAST)
    search = GridSearchCV(asn, {"quantile": [0.3, 0.5]}, cv=2)
    others = [SingleInstance(device="cpu"), STPN(max_epochs=2, device="cpu"), search]
    for model in (*others, AutoLoc(asn, device="cpu", random_state=0)):
        found = diagnose(model.fit(X, y), X, y)
        assert np.isfinite(found.score)
        assert str(found)


@pytest.mark.filterwarnings("ignore::sklearn_asn.exceptions.LocalizationWarning")
def test_of_several_networks_the_mean_counts(videos):
    X, y = videos
    members = [
        (variant, ASNLocalizer(variant, pooling="probability", init="scratch", **FAST))
        for variant in ("fusion", "temporal")
    ]
    model = SelfTrainingLocalizer(members, n_rounds=0, random_state=0).fit(X, y)
    found, each = diagnose(model, X), [diagnose(one, X) for one in model.localizers_]
    for name, moved in found.stream_influence.items():
        alone = [one.stream_influence[name] for one in each if name in one.stream_influence]
        assert moved == pytest.approx(np.mean(alone))
    assert set(found.changed_clips) == {"spatial", "temporal"}
    assert len(str(found).splitlines()[0]) < 200


def test_named_columns(videos):
    X, y = videos
    names = [f"{stream}_{i}" for stream in ("spatial", "temporal") for i in range(32)]
    values = np.concatenate(list(X))
    named = Clips(values, X.offsets, X.clip_seconds, feature_names=names)
    model = ASNLocalizer("fusion", init="scratch", **FAST).fit(named, y)
    assert list(diagnose(model, named).stream_influence) == ["temporal", "spatial"]


def test_few_videos_have_no_baseline(pipeline, videos):
    X, y = videos
    found = diagnose(pipeline, X[:2], y[:2])
    assert found.baseline_score is None
    assert found.baseline_note in str(found)


def test_what_is_refused(pipeline, videos):
    X, y = videos
    with pytest.raises(ValueError, match="X has 40 videos, but y has entries for 3"):
        diagnose(pipeline, X, y[:3])
    with pytest.raises(ValueError, match="expected a localizer"):
        diagnose(StandardScaler(), X)
