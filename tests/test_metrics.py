import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator
from sklearn.metrics import average_precision_score

from sklearn_asn import Segments
from sklearn_asn.metrics import (
    average_precision_table,
    localization_map,
    localization_scorer,
    recognition_accuracy,
    recognition_map,
    recognition_scorer,
)

DATA = Path(__file__).parents[2] / "shared" / "data"

# algorithm.md, section 7
TOY_TRUE = [[("a", 0, 10), ("a", 20, 30)], [("a", 5, 15)], []]
TOY_PRED = [
    [("a", 0, 10, 0.5), ("a", 1, 12, 0.9), ("a", 21, 30, 0.8), ("a", 40, 50, 0.7)],
    [("a", 5, 10, 0.6), ("a", 6, 15, 0.4)],
    [("a", 0, 5, 0.95)],
]
TOY_AMBIGUOUS = [[("x", 45, 46)], [], []]


def iou(a, b):
    inside = min(a[2], b[2]) - max(a[1], b[1])
    return inside / (max(a[2], b[2]) - min(a[1], b[1])) if inside > 0 else 0.0


def plain_map(true, pred, tiou, protocol, ambiguous=None):
    """Both rules as algorithm.md (1.5 and 7) tells them, segment by segment."""
    values = []
    for label in sorted({s[0] for video in true for s in video}):
        n = sum(s[0] == label for video in true for s in video)
        dets = [(s, v) for v, video in enumerate(pred) for s in video if s[0] == label]
        dets.sort(key=lambda d: -d[0][3])
        taken, hits = set(), [False] * len(dets)
        if protocol == "activitynet":
            for k, (s, v) in enumerate(dets):
                gts = [(iou(s, g), -i) for i, g in enumerate(true[v]) if g[0] == label]
                for value, i in sorted(gts, reverse=True):
                    if value >= tiou and value > 0 and (v, -i) not in taken:
                        taken.add((v, -i))
                        hits[k] = True
                        break
        else:
            for v, video in enumerate(true):
                for g in (g for g in video if g[0] == label):
                    best, which = tiou, None
                    for k, (s, w) in enumerate(dets):
                        if w == v and not hits[k] and iou(s, g) > best:
                            best, which = iou(s, g), k
                    if which is not None:
                        hits[which] = True
            if ambiguous is not None:
                keep = [
                    k
                    for k, (s, v) in enumerate(dets)
                    if hits[k] or not any(iou(s, g) > 0 for g in ambiguous[v])
                ]
                hits = [hits[k] for k in keep]
        precision = [sum(hits[: k + 1]) / (k + 1) for k in range(len(hits))]
        if protocol == "activitynet":
            precision = [max(precision[k:]) for k in range(len(hits))]
        values.append(sum(p for p, h in zip(precision, hits, strict=True) if h) / n)
    return np.mean(values)


def test_toy_of_both_kits():
    tious = (0.5, 0.7, 0.8)
    kit = {"protocol": "thumos14"}
    np.testing.assert_allclose(
        localization_map(TOY_TRUE, TOY_PRED, tious), [0.6444, 0.5873, 0.4286], atol=5e-5
    )
    np.testing.assert_allclose(
        localization_map(TOY_TRUE, TOY_PRED, tious, ambiguous=TOY_AMBIGUOUS, **kit),
        [0.4111] * 3,
        atol=5e-5,
    )
    np.testing.assert_allclose(
        localization_map(TOY_TRUE, TOY_PRED, tious, **kit), [0.3651] * 3, atol=5e-5
    )


def random_videos(rng, n_videos, most, scored):
    def segment():
        start = float(rng.integers(0, 12))  # a coarse grid: equal tIoUs and borders that touch
        end = start + float(rng.integers(1, 7))
        return ("abc"[rng.integers(3)], start, end, *([rng.random()] if scored else []))

    return [[segment() for _ in range(rng.integers(0, most))] for _ in range(n_videos)]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.1, 0.3, 0.5, 0.75, 1.0]))
def test_both_rules_equal_plain_loops(seed, tiou):
    rng = np.random.default_rng(seed)
    true = [*random_videos(rng, 4, 5, False), [("a", 0.0, 3.0)]]
    pred = random_videos(rng, 5, 9, True)
    ambiguous = random_videos(rng, 5, 3, False)
    assert localization_map(true, pred, tiou) == pytest.approx(
        plain_map(true, pred, tiou, "activitynet"), abs=1e-12
    )
    for given_ambiguous in (None, ambiguous):
        assert localization_map(
            true, pred, tiou, protocol="thumos14", ambiguous=given_ambiguous
        ) == pytest.approx(plain_map(true, pred, tiou, "thumos14", given_ambiguous), abs=1e-12)


def read_autoloc(name):
    folder = DATA / "autoloc"
    if not folder.is_dir():
        pytest.skip("AutoLoc's detections are not beside the repository (../shared/data/autoloc)")
    names = {"class": "label", "t_start_frac": "start", "t_end_frac": "end"}
    true, pred = (
        pd.read_csv(folder / f"{name}_{kind}.csv").rename(columns=names)
        for kind in ("gt", "autoloc_pred")
    )
    ids = sorted({*true["video"], *pred["video"]})
    position = {video: i for i, video in enumerate(ids)}
    for frame in (true, pred):
        frame["video"] = frame["video"].map(position)
    return ids, true, pred


@pytest.mark.parametrize(
    ("name", "tious", "paper"),
    [
        ("TH14", (0.3, 0.4, 0.5, 0.6, 0.7), [35.8, 29.0, 21.2, 13.4, 5.8]),
        (
            "AN12",
            np.arange(0.5, 0.96, 0.05),
            [27.3, 24.9, 22.5, 19.9, 17.5, 15.1, 13.0, 10.0, 6.8, 3.3],
        ),
    ],
)
def test_autolocs_detections_give_the_papers_rows(name, tious, paper):
    ids, true, pred = read_autoloc(name)
    true, pred = (Segments.from_frame(frame, videos=len(ids)) for frame in (true, pred))
    got = 100 * localization_map(true, pred, tious)
    np.testing.assert_allclose(got, paper, atol=0.05)
    if name == "AN12":
        assert got.mean() == pytest.approx(16.0, abs=0.05)
    table = average_precision_table(true, pred, tious)
    np.testing.assert_allclose(100 * table.mean(), got)
    assert table.attrs == {"protocol": "activitynet"}
    assert table.index.tolist() == sorted(set(true.label))


def thumos_ground_truth():
    folder = DATA / "thumos14" / "thumos14-test-annotations"
    if not folder.is_dir():
        pytest.skip("THUMOS14's annotations are not beside the repository (../shared/data)")
    classes = [line.split()[1] for line in (folder / "detclasslist.txt").read_text().splitlines()]
    rows = []
    for name in [*classes, "Ambiguous"]:
        for line in (folder / f"{name}_test.txt").read_text().splitlines():
            video, start, end = line.split()
            label = classes.index(name) if name in classes else -1
            rows.append((int(video[-7:]), label, float(start), float(end)))
    duration = pd.read_csv(DATA / "thumos14" / "test_videos.csv")
    seconds = dict(zip(duration["video"].str[-7:].astype(int), duration["duration_s"], strict=True))
    return pd.DataFrame(rows, columns=["video", "label", "start", "end"]), seconds


def test_official_thumos_ground_truth_under_both_rules():
    ids, _, pred = read_autoloc("TH14")
    true, seconds = thumos_ground_truth()
    pred["video"] = pred["video"].map(dict(enumerate(ids)))
    for column in ("start", "end"):  # fractions of six digits are good to about a millisecond
        pred[column] = (pred[column] * pred["video"].map(seconds)).round(3)
    videos = sorted(set(true["video"][true["label"] >= 0]))  # the 212 that are annotated
    assert len(videos) == 212
    true, pred = (frame[frame["video"].isin(videos)].copy() for frame in (true, pred))
    position = {video: i for i, video in enumerate(videos)}
    for frame in (true, pred):
        frame["video"] = frame["video"].map(position)
    y_true, ambiguous = (
        Segments.from_frame(true[chosen], videos=len(videos))
        for chosen in (true["label"] >= 0, true["label"] < 0)
    )
    y_pred = Segments.from_frame(pred, videos=len(videos))
    assert len(y_true.label) == 3358
    tious = (0.3, 0.4, 0.5, 0.6, 0.7)
    kit = localization_map(y_true, y_pred, tious, protocol="thumos14", ambiguous=ambiguous)
    # Under this rule the seventh digit, which the file lacks, moves the numbers by up to 0.15
    # (seen by adding noise of 5e-7): the detections lie on a grid, so many tIoUs are borderline.
    np.testing.assert_allclose(100 * kit, [26.6, 23.6, 18.5, 12.0, 5.4], atol=0.15)
    plain = localization_map(y_true, y_pred, tious)
    np.testing.assert_allclose(100 * plain, [35.5, 28.7, 21.2, 13.0, 5.6], atol=0.05)


@pytest.mark.parametrize("protocol", ["activitynet", "thumos14"])
def test_weights_are_repetitions(protocol):
    rng = np.random.default_rng(0)
    true, pred = random_videos(rng, 8, 5, False), random_videos(rng, 8, 9, True)
    weight = np.array([1, 2, 0, 1, 3, 1, 0, 2])
    repeated = np.repeat(np.arange(8), weight)
    got = average_precision_table(true, pred, sample_weight=weight, protocol=protocol)
    want = average_precision_table(
        [true[i] for i in repeated], [pred[i] for i in repeated], protocol=protocol
    )
    # repeated detections tie in score, which the interpolated rule does not see
    if protocol == "activitynet":
        pd.testing.assert_frame_equal(got, want)
    assert got.index.equals(want.index)


def test_order_of_videos_and_unknown_classes_do_not_matter():
    rng = np.random.default_rng(1)
    true, pred = random_videos(rng, 9, 5, False), random_videos(rng, 9, 9, True)
    want = localization_map(true, pred, (0.3, 0.6))
    order = rng.permutation(9)
    np.testing.assert_allclose(
        localization_map([true[i] for i in order], [pred[i] for i in order], (0.3, 0.6)), want
    )
    extra = [[*video, ("zebra", 0.0, 9.0, 2.0)] for video in pred]
    np.testing.assert_array_equal(localization_map(true, extra, (0.3, 0.6)), want)
    perfect = [[(*s, 1.0) for s in video] for video in true]
    assert localization_map(true, perfect, 1.0) == 1.0
    assert localization_map(true, [[] for _ in true]) == 0.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y_pred": TOY_PRED[:2]}, "y_true has 3 videos, y_pred has 2"),
        ({"y_pred": TOY_TRUE}, "video 0 has the score nan"),
        ({"y_true": [[], [], []]}, "y_true has no segments"),
        ({"tiou": 0}, "tiou=0"),
        ({"tiou": [0.5, 1.5]}, "tiou="),
        ({"protocol": "mine"}, "protocol='mine'"),
        ({"ambiguous": TOY_AMBIGUOUS}, "protocol='thumos14' only"),
        ({"protocol": "thumos14", "ambiguous": [[]]}, "ambiguous has 1 videos"),
        ({"sample_weight": [1, 1]}, "sample_weight"),
        ({"sample_weight": [1, -1, 1]}, "sample_weight"),
        ({"y_pred": [[(1, 0.0, 1.0, 0.5)], [], []]}, "cannot match"),
        ({"y_true": 3}, "y_true must be Segments"),
    ],
)
def test_bad_input(change, message):
    arguments = {"y_true": TOY_TRUE, "y_pred": TOY_PRED, **change}
    with pytest.raises(ValueError, match=message):
        localization_map(**arguments)


def test_videos_in_another_order_are_refused():
    a = Segments.from_list(TOY_TRUE, ids=["u", "v", "w"])
    b = Segments.from_list(TOY_PRED, ids=["u", "w", "v"])
    with pytest.raises(ValueError, match="Video 1 is v in y_true and w in y_pred"):
        localization_map(a, b)


def test_recognition():
    score = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7], [0.4, 0.3, 0.3]])
    sets = [{"c"}, {"b", "a"}, set(), {"a"}]
    order = ["c", "b", "a"]  # columns need not be sorted
    assert recognition_accuracy(sets, score, classes=order) == pytest.approx(2 / 3)
    present = np.array([[1, 0, 0], [0, 1, 1], [0, 0, 0], [0, 0, 1]])
    want = [average_precision_score(present[:, i], score[:, i]) for i in range(3)]
    assert recognition_map(sets, score, classes=order) == pytest.approx(np.mean(want))
    unseen = [s | {"d"} for s in sets]
    assert recognition_map(unseen, score, classes=order) == pytest.approx(np.sum(want) / 4)
    with pytest.raises(ValueError, match="y_score has shape"):
        recognition_accuracy(sets, score[:2], classes=order)
    with pytest.raises(ValueError, match="no labels"):
        recognition_map([set()] * 4, score, classes=order)


class Constant(BaseEstimator):
    classes_ = np.array(["a", "b"])

    def predict(self, X):
        return Segments.from_list([[("a", 0.0, 10.0, 0.5)] for _ in X])

    def predict_proba(self, X):
        return np.tile([0.9, 0.1], (len(X), 1))


def test_scorers_are_scikit_learns_and_travel():
    y = [[("a", 0.0, 6.0)], [("a", 0.0, 10.0)]]
    scorer = pickle.loads(pickle.dumps(localization_scorer((0.5, 0.9))))
    assert scorer(Constant(), [0, 1], y) == np.mean(
        localization_map(y, Constant().predict([0, 1]), (0.5, 0.9))
    )
    for metric in ("accuracy", "map"):
        scorer = pickle.loads(pickle.dumps(recognition_scorer(metric)))
        assert scorer(Constant(), [0, 1], ["a", "b"]) == 0.5 + 0.0 * (metric == "map")
    with pytest.raises(ValueError, match="metric='f1'"):
        recognition_scorer("f1")
    with pytest.raises(ValueError, match="tiou=7"):
        localization_scorer(7)
