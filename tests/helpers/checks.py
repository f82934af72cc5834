"""scikit-learn's checks, of localizers.

Three things keep them from being run as they are. Some turn what `predict` gives into an array,
which ragged segments cannot be: they get a subclass that sums up the segments of every video. One
compares a training with weights with one of repeated videos: it gets an estimator without dropout,
whose masks would differ between the two, and with one batch. It also compares to 1e-7, a relative
precision that float32 does not have (its own is 1.2e-7), and is run with 1e-5 here.
"""

from functools import partial
from unittest import mock

import numpy as np
from sklearn.base import clone
from sklearn.utils import estimator_checks

from sklearn_asn import ASNLocalizer, SelfTrainingLocalizer
from sklearn_asn.rivals import STPN, WTALC, AutoLoc, SingleInstance, UntrimmedNet

RAGGED = {
    "check_estimators_pickle",
    "check_fit_idempotent",
    "check_methods_sample_order_invariance",
    "check_methods_subset_invariance",
}
WEIGHTS = "check_sample_weight_equivalence_on_dense_data"


class Flat:
    """What comes before a localizer in a class whose `predict` gives equal shapes."""

    def predict(self, X):
        """Per video and class: the number of segments, and sums of starts, ends and scores."""
        found = super().predict(X)
        table = np.zeros((len(found), len(self.classes_), 4))
        parts = [np.ones(len(found.label)), found.start, found.end, found.score]
        place = found.video, np.searchsorted(self.classes_, found.label)
        np.add.at(table, place, np.stack(parts, axis=-1))
        return table.reshape(len(found), -1)


class FlatASNLocalizer(Flat, ASNLocalizer):
    pass


class FlatUntrimmedNet(Flat, UntrimmedNet):
    pass


class FlatSTPN(Flat, STPN):
    pass


class FlatWTALC(Flat, WTALC):
    pass


class FlatAutoLoc(Flat, AutoLoc):
    pass


class FlatSingleInstance(Flat, SingleInstance):
    pass


class FlatSelfTrainingLocalizer(Flat, SelfTrainingLocalizer):
    pass


FLAT = {kind.__bases__[1]: kind for kind in Flat.__subclasses__()}


def flat(estimator):
    """Return the same estimator, unfitted, of the class that sums up segments."""
    return FLAT[type(estimator)](**clone(estimator).get_params(deep=False))


def calm(estimator):
    """Return the estimator without dropout, and with all videos in one batch."""
    given = clone(estimator)
    still = {name: 0.0 for name in given.get_params() if name.rpartition("__")[2] == "dropout"}
    whole = {name: 512 for name in given.get_params() if name.rpartition("__")[2] == "batch_size"}
    return given.set_params(**still, **whole)


def run_check(estimator, check):
    """Run a check of `parametrize_with_checks` on the form of the estimator that it can read."""
    name = check.func.__name__
    if name in RAGGED:
        check(flat(estimator))
    elif name == WEIGHTS:
        close = partial(estimator_checks.assert_allclose_dense_sparse, rtol=1e-5, atol=1e-6)
        with mock.patch.object(estimator_checks, "assert_allclose_dense_sparse", close):
            check(calm(flat(estimator)))
    else:
        check(estimator)
