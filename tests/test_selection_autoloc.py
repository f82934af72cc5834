"""AutoLoc's selection where boxes are long enough, and where they are not."""

import warnings

import numpy as np
import pytest

from sklearn_asn import ASNLocalizer
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.exceptions import ShortScalesWarning
from sklearn_asn.rivals import AutoLoc
from sklearn_asn.selection import AutoLocSelection


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
