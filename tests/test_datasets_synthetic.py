"""The synthetic videos: what is asked for is there, and the mechanism can be learnt from."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from threadpoolctl import threadpool_limits

from sklearn_asn.datasets import make_untrimmed_videos

QUIET = {"noise": 0.0, "distractors": 0.0}


def coverage(X, y, label=None):
    """Share of every clip that instances (of `label`) cover, by plain loops."""
    covered = []
    for i, segments in enumerate(y):
        borders = X.spans[i, 0] + X.clip_seconds[i] * np.arange(len(X[i]) + 1)
        share = np.zeros(len(X[i]))
        for s in segments:
            if label in (None, s.label):
                inside = np.minimum(borders[1:], s.end) - np.maximum(borders[:-1], s.start)
                share += np.maximum(inside, 0) / X.clip_seconds[i]
        covered.append(share)
    return np.concatenate(covered)


def clip_labels(X, y):
    """Class that covers more than half of a clip, else ``"none"``."""
    labels = np.full(len(X.values), "none", dtype="<U8")
    for c in range(5):
        labels[coverage(X, y, f"class_{c}") > 0.5] = f"class_{c}"
    return labels


def halves(X):
    half = X.n_features // 2
    return X.values[:, :half], X.values[:, half:]


def test_defaults():
    X, y = make_untrimmed_videos(random_state=0)
    assert len(X) == len(y) == 60
    assert X.values.shape[1] == 64
    assert X.values.dtype == np.float32
    assert X.feature_names[[0, 31, 32, 63]].tolist() == [
        "spatial_00",
        "spatial_31",
        "temporal_00",
        "temporal_31",
    ]
    assert X.ids.tolist() == y.ids.tolist()
    assert X.ids[[0, 59]].tolist() == ["video_000", "video_059"]
    assert set(y.label) == {f"class_{c}" for c in range(5)}
    assert X.lengths.min() >= 40
    assert X.lengths.max() <= 80
    assert np.isnan(y.score).all()


def test_share_of_action():
    X, y = make_untrimmed_videos(300, random_state=0)
    assert 0.25 < np.sum(y.end - y.start) / X.lengths.sum() < 0.4


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_videos=st.integers(1, 12),
    n_classes=st.integers(2, 12),
    n_clips=st.tuples(st.integers(30, 40), st.integers(40, 60)),
    n_instances=st.tuples(st.integers(1, 2), st.integers(2, 9)),
    instance_clips=st.tuples(st.floats(0.5, 3.0), st.floats(3.0, 12.0)),
    labels_per_video=st.tuples(st.just(1), st.integers(1, 2)),
    overlap=st.sampled_from([False, 0.5, True]),
    clip_seconds=st.sampled_from([0.04, 1.0, 7.3]),
)
def test_what_is_asked_for_is_there(seed, n_videos, clip_seconds, overlap, **ranges):
    X, y = make_untrimmed_videos(
        n_videos, overlap=overlap, clip_seconds=clip_seconds, random_state=seed, **ranges
    )
    assert ranges["n_clips"][0] <= X.lengths.min()
    assert X.lengths.max() <= ranges["n_clips"][1]
    assert np.all(X.clip_seconds == clip_seconds)
    low, high = ranges["instance_clips"]
    lengths = (y.end - y.start) / clip_seconds
    assert np.all((lengths > low - 1e-9) & (lengths < high + 1e-9))
    assert np.all(y.start >= 0)
    assert np.all(y.end <= X.spans[y.video, 1])
    for video in y:
        labels = [s.label for s in video]
        assert 1 <= len(set(labels)) <= ranges["labels_per_video"][1]
        assert ranges["n_instances"][0] <= len(video) <= ranges["n_instances"][1]
        assert [s.start for s in video] == sorted(s.start for s in video)
        for i, a in enumerate(video):
            for b in video[i + 1 :]:
                if not overlap or a.label == b.label:
                    assert b.start - a.end > (1 - 1e-9) * clip_seconds


def test_all_classes_occur_and_names_sort():
    _, y = make_untrimmed_videos(12, n_classes=12, labels_per_video=1, random_state=0)
    assert np.unique(y.label).tolist() == [f"class_{c:02d}" for c in range(12)]


def test_every_label_of_a_video_has_an_instance():
    _, y = make_untrimmed_videos(
        50, labels_per_video=3, n_instances=(1, 4), instance_clips=(2, 9), random_state=0
    )
    assert [len({s.label for s in video}) for video in y] == [3] * 50


def test_overlap_is_a_probability():
    def overlapping(overlap):
        _, y = make_untrimmed_videos(
            200, overlap=overlap, labels_per_video=2, n_instances=3, random_state=1
        )
        pairs = ((video[i], b) for video in y for i in range(len(video)) for b in video[i + 1 :])
        return sum(b.start < a.end for a, b in pairs)

    none, half, all_ = (overlapping(p) for p in (False, 0.5, 1.0))
    assert none == 0
    assert 0.3 * all_ < half < 0.7 * all_


@pytest.mark.slow
@pytest.mark.parametrize(("overlap", "share"), [(False, 0.0), (0.75, 0.3), (True, 0.4)])
def test_share_of_instances_that_share_time(overlap, share):
    """What the documentation says about two labels a video."""
    _, y = make_untrimmed_videos(2000, overlap=overlap, labels_per_video=2, random_state=0)
    shared = [
        any(a.start < b.end and b.start < a.end for j, b in enumerate(video) if j != i)
        for video in y
        for i, a in enumerate(video)
    ]
    assert abs(np.mean(shared) - share) < 0.03


def test_same_seed_same_data():
    X, y = make_untrimmed_videos(5, trimmed_videos=2, random_state=3)
    again = make_untrimmed_videos(5, trimmed_videos=2, random_state=3)
    other = make_untrimmed_videos(5, trimmed_videos=2, random_state=4)
    assert (X, y) == again
    assert other[0] != X
    assert y != other[1]
    generator = make_untrimmed_videos(5, trimmed_videos=2, random_state=np.random.default_rng(3))
    assert (X, y) == generator
    state, twin = np.random.RandomState(3), np.random.RandomState(3)
    first = make_untrimmed_videos(5, random_state=state)
    assert first == make_untrimmed_videos(5, random_state=twin)
    assert first[0] != make_untrimmed_videos(5, random_state=state)[0]  # it moves on


@pytest.mark.parametrize("random_state", [None, 0])
def test_global_generator_is_left_alone(random_state):
    before = np.random.get_state()  # noqa: NPY002
    X, _ = make_untrimmed_videos(2, random_state=random_state)
    after = np.random.get_state()  # noqa: NPY002
    assert np.array_equal(before[1], after[1])
    assert before[2] == after[2]
    same = make_untrimmed_videos(2, random_state=random_state)[0] == X
    assert same == (random_state is not None)


def test_seconds_scale_times_only():
    X, y = make_untrimmed_videos(4, random_state=0)
    X2, y2 = make_untrimmed_videos(4, clip_seconds=2.5, random_state=0)
    assert np.array_equal(X.values, X2.values)
    np.testing.assert_allclose(y2.start, 2.5 * y.start)
    np.testing.assert_allclose(X2.spans, 2.5 * X.spans)


def test_temporal_stream_is_proportional_to_the_covered_share():
    X, y = make_untrimmed_videos(8, n_instances=1, labels_per_video=1, random_state=0, **QUIET)
    _, temporal = halves(X)
    strength = np.linalg.norm(temporal, axis=1)
    covered = coverage(X, y)
    partly = (covered > 0.01) & (covered < 0.99)
    assert partly.sum() >= 8
    for i in range(8):  # every instance has its own amplitude, shown where it covers a whole clip
        rows = X.video == i
        np.testing.assert_allclose(strength[rows], covered[rows] * strength[rows].max(), atol=1e-5)


def test_spatial_stream_knows_which_video_but_not_when():
    X, y = make_untrimmed_videos(10, cue_strength=0, random_state=0, **QUIET)
    spatial, _ = halves(X)
    for i in range(10):
        rows = spatial[X.video == i]
        assert np.all(rows == rows[0])
    assert np.any(spatial != 0, axis=1).all()
    with_cue, _ = halves(make_untrimmed_videos(10, random_state=0, **QUIET)[0])
    changed = np.any(with_cue != spatial, axis=1)
    assert np.array_equal(changed, coverage(X, y) > 0)


def test_distractors_fill_their_share_of_the_background():
    quiet = {"noise": 0.0, "motion_strength": 4.0}
    X, y = make_untrimmed_videos(100, distractors=0.3, random_state=0, **quiet)
    _, temporal = halves(X)
    background = coverage(X, y) == 0
    shown = temporal[background & np.any(temporal != 0, axis=1)]
    assert 0.25 < len(shown) / background.sum() < 0.35
    assert len(np.unique(shown.round(4), axis=0)) == 2  # generic: two patterns in all


def test_an_action_hides_the_distractors():
    X, y = make_untrimmed_videos(20, distractors=1.0, noise=0.0, random_state=0)
    quiet, _ = make_untrimmed_videos(20, random_state=0, **QUIET)
    changed = np.any(halves(X)[1] != halves(quiet)[1], axis=1)
    covered = coverage(X, y)
    assert not changed[covered > 1 - 1e-9].any()
    assert changed[covered < 0.99].all()


def test_shared_motion():
    def directions(shared_motion):
        X, y = make_untrimmed_videos(
            20, shared_motion=shared_motion, labels_per_video=1, random_state=0, **QUIET
        )
        spatial, temporal = halves(X)
        strongest = [np.argmax(coverage(X, y, f"class_{c}")) for c in range(5)]
        return [np.corrcoef(part[strongest]) for part in (spatial, temporal)]

    for n_pairs in (0, 1, 2):
        spatial, temporal = directions(n_pairs)
        same = np.eye(5, dtype=bool)
        for k in range(n_pairs):
            same[2 * k, 2 * k + 1] = same[2 * k + 1, 2 * k] = True
        assert np.array_equal(temporal > 0.99, same)
        assert np.array_equal(spatial > 0.99, np.eye(5, dtype=bool))


def test_noise_is_a_standard_deviation():
    silent = {"motion_strength": 0, "scene_strength": 0, "cue_strength": 0}
    X, _ = make_untrimmed_videos(50, noise=0.5, random_state=0, **silent)
    spatial, temporal = halves(X)
    own = np.array([spatial[X.video == i].mean(axis=0) for i in range(50)])
    assert abs(own.std() - np.sqrt(0.125**2 + np.mean(0.5**2 / X.lengths))) < 0.01
    assert abs(temporal.std() - 0.5) < 0.01
    assert np.abs(temporal.mean(axis=0)).max() < 0.05


def test_trimmed_videos():
    X, y = make_untrimmed_videos(
        6, trimmed_videos=10, instance_clips=(4.5, 8.5), clip_seconds=0.5, random_state=0
    )
    trimmed = np.arange(len(X)) >= 6
    assert len(X) == len(y) == 16
    assert X.ids[6] == "trimmed_000"
    assert np.all((X[trimmed].lengths >= 5) & (X[trimmed].lengths <= 8))
    for video, span in zip(y[trimmed], X[trimmed].spans, strict=True):
        assert [(s.start, s.end) for s in video] == [(0.0, span[1])]
    assert set(y[trimmed].label) == {f"class_{c}" for c in range(5)}


@pytest.mark.parametrize("seed", [0, 1])
@threadpool_limits.wrap(limits=1)  # small fits: on a busy machine, threads only wait
def test_mechanism(seed):
    """Temporal says when, spatial says which video, both together say most."""
    X, y = make_untrimmed_videos(180, random_state=seed)
    labels = clip_labels(X, y)
    train = X.video < 120
    when, what = {}, {}
    spatial, temporal = halves(X)
    for name, Z in {"spatial": spatial, "temporal": temporal, "both": X.values}.items():
        model = LogisticRegression(max_iter=2000).fit(Z[train], labels[train])
        none = model.predict_proba(Z[~train])[:, list(model.classes_).index("none")]
        when[name] = roc_auc_score(labels[~train] != "none", 1 - none)
        what[name] = balanced_accuracy_score(labels[~train], model.predict(Z[~train]))
    assert when["temporal"] > 0.93
    assert when["spatial"] < when["temporal"] - 0.1
    assert what["both"] > max(what["temporal"], what["spatial"]) + 0.1

    mean = np.array([halves(X[i : i + 1])[0].mean(axis=0) for i in range(len(X))])
    present = np.array(
        [[f"class_{c}" in {s.label for s in video} for c in range(5)] for video in y]
    )
    auc = []
    for c in range(5):
        model = LogisticRegression(max_iter=2000).fit(mean[:120], present[:120, c])
        auc.append(roc_auc_score(present[120:, c], model.decision_function(mean[120:])))
    assert np.mean(auc) > 0.9


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("n_videos", 0, ValueError),
        ("n_videos", 2.5, TypeError),
        ("n_videos", True, TypeError),
        ("n_classes", 1, ValueError),
        ("n_features", 0, ValueError),
        ("n_clips", 0, ValueError),
        ("n_clips", (60, 50), ValueError),
        ("n_clips", (40, 50, 60), ValueError),
        ("n_clips", (40.0, 50.0), TypeError),
        ("n_instances", (0, 3), ValueError),
        ("instance_clips", 0, ValueError),
        ("instance_clips", (4, float("nan")), ValueError),
        ("instance_clips", "long", TypeError),
        ("instance_clips", (4, 21), ValueError),  # two of them do not fit into 40 clips
        ("labels_per_video", (1, 6), ValueError),
        ("labels_per_video", 0, ValueError),
        ("overlap", 1.5, ValueError),
        ("overlap", None, TypeError),
        ("shared_motion", 3, ValueError),
        ("shared_motion", -1, ValueError),
        ("motion_strength", -1.0, ValueError),
        ("scene_strength", float("inf"), ValueError),
        ("cue_strength", "weak", TypeError),
        ("distractors", -0.1, ValueError),
        ("noise", -1.0, ValueError),
        ("clip_seconds", 0.0, ValueError),
        ("trimmed_videos", -1, ValueError),
    ],
)
def test_senseless_arguments(name, value, error):
    arguments = {"n_videos": 3, "random_state": 0, name: value}
    with pytest.raises(error, match=name):
        make_untrimmed_videos(**arguments)


def test_senseless_random_state():
    with pytest.raises(TypeError):
        make_untrimmed_videos(3, random_state="seed")
