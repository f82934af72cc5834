"""What scikit-learn asks of every estimator."""

import pytest
from helpers.checks import run_check
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_asn import ASNLocalizer
from sklearn_asn._training.network import VARIANTS


def short(variant):
    return ASNLocalizer(variant, max_epochs=1, hidden_size=4)


@parametrize_with_checks([short("temporal")])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_check_estimator(estimator, check):
    run_check(estimator, check)


@pytest.mark.slow
@parametrize_with_checks([short(variant) for variant in VARIANTS if variant != "temporal"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_check_estimator_of_the_other_variants(estimator, check):
    run_check(estimator, check)
