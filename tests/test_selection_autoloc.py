"""AutoLoc's selection where boxes are long enough, and where they are not."""

import warnings

import numpy as np
import pytest

from sklearn_asn import ASNLocalizer
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.exceptions import ShortScalesWarning
from sklearn_asn.rivals import AutoLoc
from sklearn_asn.selection import AutoLocSelection, dense_scales


def videos_with_runs(lengths, width=80):
    """One class, one run of a length in each video."""
    cas = np.zeros((len(lengths), width, 1))
    for video, length in enumerate(lengths):
        cas[video, 5 : 5 + length] = 0.9
    offsets = width * np.arange(len(lengths) + 1)
    return cas.reshape(-1, 1), offsets, np.ones((len(lengths), 1))


def test_most_runs_longer_than_the_largest_scale() -> None:
    with pytest.warns(ShortScalesWarning, match="scales, 32 clips"):
        AutoLocSelection().select_packed(*videos_with_runs([33] * 6 + [32] * 5))
    with pytest.warns(ShortScalesWarning, match="scales, 16 clips") as caught:
        AutoLocSelection(scales=(16, 4)).select_packed(*videos_with_runs([20] * 12))
    assert [w.filename for w in caught] == [__file__]


@pytest.mark.parametrize(
    ("scales", "lengths"),
    [
        ((32,), [33] * 6 + [32] * 6),  # half of them is not most
        ((32,), [40] * 9),  # too few to say
        ((32, 64), [40] * 20),
        ((1,), []),
    ],
)
def test_no_warning(scales, lengths) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        AutoLocSelection(scales).select_packed(*videos_with_runs(lengths))


def test_runs_that_fill_their_video_do_not_count() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cas = np.full((800, 1), 0.5)
        AutoLocSelection().select_packed(cas, 40 * np.arange(21), np.ones((20, 1)))


def test_runs_are_counted_over_all_batches(monkeypatch) -> None:
    monkeypatch.setattr("sklearn_asn.selection._base._BATCH_CELLS", 160)
    with pytest.warns(ShortScalesWarning) as caught:
        AutoLocSelection().select_packed(*videos_with_runs([40] * 20))
    assert len(caught) == 1


def test_the_trained_rival_warns_in_fit() -> None:
    X, y = make_untrimmed_videos(24, random_state=0)
    below = ASNLocalizer("temporal", max_epochs=20, quantile=0.0, random_state=0)
    with pytest.warns(ShortScalesWarning, match="scales, 1 clips"):
        AutoLoc(below, scales=(1,), random_state=0).fit(X, y)


# ---------------------------------------------------------------- AutoLoc's released layer

EXAMPLE = np.array(
    [0.05, 0.05, 0.1, 0.8, 0.9, 0.85, 0.2, 0.05, 0.05, 0.6, 0.7, 0.05, 0.05, 0.05, 0.05, 0.05]
)
SCALES = (1, 2, 4, 8)


def released_box(cas, t, scale, inflation=0.25):
    """One anchor as the released layer has it: inclusive integer ends, zeros outside the video."""
    n, total = len(cas), np.cumsum(cas)

    def held(first, last):
        right = total[min(last, n - 1)] if last > 0 else 0.0
        return right - (total[min(first - 1, n - 1)] if first > 0 else 0.0)

    def floored(values, margin):
        return (int(np.floor(np.clip(v, -margin, n - 1 + margin))) for v in values)

    half, ring = scale / 2, max(inflation * scale, 1)
    first, last = floored((t - half, t + half), 1)
    left, right = floored((t - half - ring, t + half + ring), 2)
    inside, around = last - first + 1, right - left + 1
    inner = held(first, last) / inside
    outer = (held(left, right) - held(first, last)) / (around - inside)
    return first, last, (inner - outer + 1) / 2


@pytest.mark.parametrize(
    ("t", "expected"),
    [
        (4, [(3, 4, 0.6875), (3, 5, 0.85), (2, 6, 0.76), (0, 8, 0.5069)]),
        (10, [(9, 10, 0.8), (9, 11, 0.7), (8, 12, 0.62), (6, 14, 0.375)]),
    ],
)
def test_worked_example_of_the_released_layer(t, expected) -> None:
    """Its scales 1, 2, 4, 8; each of its boxes is one of ours that is a clip longer."""
    for scale, (first, last, score) in zip(SCALES, expected, strict=True):
        assert released_box(EXAMPLE, t, scale) == (first, last, pytest.approx(score, abs=5e-5))
        length = last - first + 1
        assert length == scale + 1
        ours = AutoLocSelection(
            scales=(length,),
            offsets=(-0.5 if scale == 1 else 0.0,),  # that of scale 1 begins a clip earlier
            inflation=max(0.25 * scale, 1) / length,
            nms_threshold=None,
            min_contrast=-1,
        ).select(EXAMPLE[:, None], [1.0])
        (same,) = ours[(ours["start"] == first) & (ours["end"] == last + 1)]
        if first >= 2 and last + 2 < len(EXAMPLE):  # else its ring has zeros outside the video
            assert (same["score"] + 1) / 2 == pytest.approx(score, abs=5e-5)


def test_worked_example_with_its_scales_after_suppression() -> None:
    """The released layer keeps (3, 5), (9, 10) and (2, 10), inclusive; of our boxes these."""
    best = {}
    for t in np.flatnonzero(EXAMPLE > 0.1):
        first, last, score = max((released_box(EXAMPLE, t, s) for s in SCALES), key=lambda b: b[2])
        best[first, last] = max(score, best.get((first, last), 0))
    kept: list[tuple[int, int]] = []
    for first, last in sorted(best, key=best.__getitem__, reverse=True):
        both = [min(last, b) - max(first, a) for a, b in kept]
        either = [last - first + b - a - o for (a, b), o in zip(kept, both, strict=True)]
        if all(o <= 0.4 * e for o, e in zip(both, either, strict=True)):
            kept.append((first, last))
    assert [(*box, round(best[box], 4)) for box in kept] == [
        (3, 5, 0.85), (9, 10, 0.8), (2, 10, 0.7111)
    ]  # fmt: skip
    ours = AutoLocSelection(scales=SCALES).select(EXAMPLE[:, None], [1.0])
    # [3, 7): .6875 inside, (.1 + .05) / 2 around; [9, 11): .65 and .05
    np.testing.assert_allclose(ours["score"][:2], [0.6125, 0.6])
    assert ours[["start", "end"]][:2].tolist() == [(3.0, 7.0), (9.0, 11.0)]


# ---------------------------------------------------------------- dense scales


def test_dense_scales() -> None:
    assert dense_scales(1, 32, per_octave=1) == (1, 2, 4, 8, 16, 32)
    assert dense_scales(16, 512, 1) == (16, 32, 64, 128, 256, 512)
    scales = dense_scales()
    for length in range(1, 33):  # no action lies far from all of them
        assert max(min(s, length) / max(s, length) for s in scales) > 0.85
    assert dense_scales(3, 40)[-1] == 40
    assert dense_scales(5, 5) == (5,)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((0, 5), "shortest=0"),
        ((1, 2.5), "longest=2.5"),
        ((1, 8, 0), "per_octave=0"),
        ((8, 4), "longest=4 is less"),
    ],
)
def test_dense_scales_that_do_not_fit(given, message) -> None:
    with pytest.raises(ValueError, match=message):
        dense_scales(*given)


def test_dense_scales_come_nearer_to_actions_of_any_length() -> None:
    lengths = [3, 6, 11, 12, 22, 23, 24]
    cas, offsets, scores = videos_with_runs(lengths)
    overlap = {}
    for scales in (dense_scales(), (1, 2, 4, 8, 16, 32)):
        found, borders = AutoLocSelection(scales).select_packed(cas, offsets, scores)
        best = found[borders[:-1]]
        first, stop = np.full(len(lengths), 5), 5 + np.array(lengths)
        both = np.minimum(stop, best["end"]) - np.maximum(first, best["start"])
        either = np.maximum(stop, best["end"]) - np.minimum(first, best["start"])
        overlap[scales] = (both / either).mean()
    dense, sparse = overlap.values()
    assert dense > 0.9
    assert dense > sparse + 0.1
