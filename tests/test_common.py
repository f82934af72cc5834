"""What scikit-learn asks of every estimator."""

import pytest
from helpers.checks import run_check
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_asn import ASNLocalizer
from sklearn_asn._training.network import VARIANTS


@parametrize_with_checks(
    [ASNLocalizer(variant, max_epochs=2, hidden_size=4) for variant in VARIANTS]
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_check_estimator(estimator, check):
    run_check(estimator, check)
