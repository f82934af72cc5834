"""Every row of the guide's table of scikit-learn's tools, tried: what works, and what does not."""

import re
from pathlib import Path

import numpy as np
import pytest
import sklearn
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV, CalibrationDisplay
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import RFE, SelectFromModel, SequentialFeatureSelector
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance
from sklearn.metrics import (
    ConfusionMatrixDisplay,
    DetCurveDisplay,
    PrecisionRecallDisplay,
    RocCurveDisplay,
)
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    GroupKFold,
    HalvingGridSearchCV,
    KFold,
    LearningCurveDisplay,
    RandomizedSearchCV,
    ShuffleSplit,
    StratifiedKFold,
    StratifiedShuffleSplit,
    TunedThresholdClassifierCV,
    ValidationCurveDisplay,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    permutation_test_score,
    validation_curve,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.semi_supervised import SelfTrainingClassifier

from sklearn_asn import ASNLocalizer, VideoClassifier
from sklearn_asn.datasets import make_untrimmed_videos

pytestmark = [
    pytest.mark.slow,
    # what the tools themselves, and tiny models, warn of
    pytest.mark.filterwarnings("ignore"),
]
PAGE = Path(__file__).parents[1] / "docs" / "guide" / "scikit_learn.md"
VERSION = tuple(map(int, sklearn.__version__.split(".")[:2]))
X, SEGMENTS = make_untrimmed_videos(n_videos=24, n_classes=3, random_state=0)
SHOWN = np.array([[c in {s.label for s in v} for c in np.unique(SEGMENTS.label)] for v in SEGMENTS])
ONE = SHOWN[:, 0].astype(int)  # of two classes
SEVERAL = SHOWN.astype(int)
THREE = np.arange(24) % 3
CV = KFold(2)


def grid(model):
    return {"localizer__lr" if is_classifier(model) else "lr": [0.1, 0.2]}


def name(model):
    return next(iter(grid(model)))


def crossed(splitter):
    groups = np.arange(24) % 4
    return lambda e, x: cross_val_score(e, x, ONE, cv=splitter, groups=groups, **RAISE)


def scored(scoring):
    return lambda e, x: cross_val_score(e, x, ONE, cv=CV, scoring=scoring, **RAISE)


def shown(display):
    return lambda e, x: display.from_estimator(e.fit(x, ONE), x, ONE)


def used(make, y, method="predict"):
    return lambda e, x: getattr(make(e).fit(x, y), method)(x)


RAISE = {"error_score": "raise"}
TOOLS = {
    "cross_val_score": scored(None),
    "cross_validate": lambda e, x: cross_validate(e, x, ONE, cv=CV, **RAISE),
    "cross_val_predict": lambda e, x: cross_val_predict(e, x, ONE, cv=CV),
    "GridSearchCV": lambda e, x: GridSearchCV(e, grid(e), cv=CV, **RAISE).fit(x, ONE).predict(x),
    "RandomizedSearchCV": lambda e, x: RandomizedSearchCV(e, grid(e), n_iter=2, cv=CV, **RAISE).fit(
        x, ONE
    ),
    "HalvingGridSearchCV": lambda e, x: HalvingGridSearchCV(
        e, grid(e), cv=CV, factor=2, min_resources=16, random_state=0, **RAISE
    ).fit(x, ONE),
    "learning_curve": lambda e, x: learning_curve(
        e, x, ONE, cv=CV, train_sizes=[0.9, 1.0], **RAISE
    ),
    "validation_curve": lambda e, x: validation_curve(
        e, x, ONE, cv=CV, param_name=name(e), param_range=[0.1, 0.2], **RAISE
    ),
    "LearningCurveDisplay.from_estimator": lambda e, x: LearningCurveDisplay.from_estimator(
        e, x, ONE, cv=CV, train_sizes=[0.9, 1.0], **RAISE
    ),
    "ValidationCurveDisplay.from_estimator": lambda e, x: ValidationCurveDisplay.from_estimator(
        e, x, ONE, cv=CV, param_name=name(e), param_range=[0.1, 0.2], **RAISE
    ),
    "permutation_test_score": lambda e, x: permutation_test_score(
        e, x, ONE, cv=CV, n_permutations=2
    ),
    "KFold": crossed(CV),
    "GroupKFold": crossed(GroupKFold(2)),
    "ShuffleSplit": crossed(ShuffleSplit(2, random_state=0)),
    "StratifiedKFold": crossed(StratifiedKFold(2)),
    "StratifiedShuffleSplit": crossed(StratifiedShuffleSplit(2, random_state=0)),
    "Pipeline": used(lambda e: Pipeline([("nothing", "passthrough"), ("end", e)]), ONE),
    "FrozenEstimator": lambda e, x: FrozenEstimator(e.fit(x, ONE)).fit(x, ONE).predict(x),
    "FeatureUnion": used(lambda e: FeatureUnion([("a", e), ("b", e)]), ONE, "transform"),
    "ColumnTransformer": used(lambda e: ColumnTransformer([("a", e, [0])]), ONE, "transform"),
    "set_output": lambda e, x: e.fit(x, ONE).set_output(transform="pandas").transform(x),
    'scoring="accuracy"': scored("accuracy"),
    'scoring="balanced_accuracy"': scored("balanced_accuracy"),
    'scoring="f1_macro"': scored("f1_macro"),
    'scoring="roc_auc"': scored("roc_auc"),
    'scoring="average_precision"': scored("average_precision"),
    'scoring="neg_log_loss"': scored("neg_log_loss"),
    "OneVsRestClassifier": used(OneVsRestClassifier, SEVERAL),
    "OneVsOneClassifier": used(OneVsOneClassifier, THREE),
    "OutputCodeClassifier": used(lambda e: OutputCodeClassifier(e, random_state=3), THREE),
    "MultiOutputClassifier": used(MultiOutputClassifier, SEVERAL),
    "ClassifierChain": used(ClassifierChain, SEVERAL),
    "VotingClassifier": used(lambda e: VotingClassifier([("a", e), ("b", e)]), ONE),
    "StackingClassifier": used(lambda e: StackingClassifier([("a", e), ("b", e)], cv=CV), ONE),
    "BaggingClassifier": used(lambda e: BaggingClassifier(e, 2, random_state=0), ONE),
    "AdaBoostClassifier": used(
        lambda e: AdaBoostClassifier(e, n_estimators=2, random_state=0), ONE
    ),
    "SelfTrainingClassifier": used(SelfTrainingClassifier, np.where(np.arange(24) % 5, ONE, -1)),
    "CalibratedClassifierCV": used(lambda e: CalibratedClassifierCV(e, cv=CV), ONE),
    "TunedThresholdClassifierCV": used(lambda e: TunedThresholdClassifierCV(e, cv=2), ONE),
    "FixedThresholdClassifier": used(lambda e: FixedThresholdClassifier(e, threshold=0.3), ONE),
    "ConfusionMatrixDisplay.from_estimator": shown(ConfusionMatrixDisplay),
    "RocCurveDisplay.from_estimator": shown(RocCurveDisplay),
    "PrecisionRecallDisplay.from_estimator": shown(PrecisionRecallDisplay),
    "DetCurveDisplay.from_estimator": shown(DetCurveDisplay),
    "CalibrationDisplay.from_estimator": shown(CalibrationDisplay),
    "permutation_importance": lambda e, x: permutation_importance(
        e.fit(x, ONE), x, ONE, n_repeats=1
    ),
    "RFE": lambda e, x: RFE(e).fit(x, ONE),
    "SequentialFeatureSelector": lambda e, x: SequentialFeatureSelector(e, cv=CV).fit(x, ONE),
    "SelectFromModel": lambda e, x: SelectFromModel(e).fit(x, ONE).transform(x),
}
LOCALIZER = ASNLocalizer("temporal", max_epochs=1, batch_size=8, random_state=0, device="cpu")
KINDS = [
    (LOCALIZER, X),
    (VideoClassifier(LOCALIZER), X),
    (VideoClassifier(LOCALIZER, videos=X), np.arange(24)[:, None]),
]


def table():
    """Return tool, column and what the page says, for every entry."""
    found = []
    for line in PAGE.read_text().splitlines():
        if line.startswith("| `"):
            tools, *entries = (cell.strip() for cell in line.strip("|").split("|")[:4])
            found += [
                (t, i, e) for t in re.findall("`(.+?)`", tools) for i, e in enumerate(entries)
            ]
    return found


@pytest.mark.parametrize(("tool", "column", "says"), table())
def test_the_table_tells_the_truth(tool, column, says):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    model, x = KINDS[column]
    works = {"yes": True, "runs": True, "no effect": True, "no": False}
    if works.get(says, VERSION >= (1, 9)):
        TOOLS[tool](clone(model), x)
    else:
        with pytest.raises(Exception):  # noqa: B017, PT011 - each has its own
            TOOLS[tool](clone(model), x)
    pyplot.close("all")


def test_the_table_has_all_tools():
    assert {tool for tool, *_ in table()} == TOOLS.keys()
    assert {says for *_, says in table()} == {"yes", "no", "runs", "no effect", "since 1.9"}
