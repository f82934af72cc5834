"""What scikit-learn asks of every estimator."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_asn import ASNLocalizer

RAGGED = "compares ragged predictions (Segments) as arrays; the same is tested on Segments"
FLOAT32 = (
    "compares ragged predictions as arrays, and float32 trainings to 1e-7; "
    "test_sample_weight_is_repetition holds the property"
)
EXPECTED = {
    "check_estimators_pickle": RAGGED,
    "check_methods_sample_order_invariance": RAGGED,
    "check_methods_subset_invariance": RAGGED,
    "check_fit_idempotent": RAGGED,
    "check_sample_weight_equivalence_on_dense_data": FLOAT32,
}


@parametrize_with_checks(
    [
        ASNLocalizer(max_epochs=2, hidden_size=4),
        ASNLocalizer("temporal", max_epochs=2),
        ASNLocalizer("two-stream", max_epochs=2),
    ],
    expected_failed_checks=lambda estimator: EXPECTED,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_check_estimator(estimator, check):
    check(estimator)
