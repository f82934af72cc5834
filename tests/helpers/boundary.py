"""Calls, data and files of the mistakes in boundary_cases.py."""

from __future__ import annotations

from functools import cache

import numpy as np

import sklearn_asn as asn
from sklearn_asn import (
    ASNLocalizer,
    Clips,
    Segments,
    interchange,
    metrics,
    model_selection,
    plotting,
    selection,
)
from sklearn_asn.datasets import make_untrimmed_videos

FAST = {"max_epochs": 1, "batch_size": 4, "hidden_size": 4, "random_state": 0, "device": "cpu"}
NAN = float("nan")


@cache
def data():
    return make_untrimmed_videos(
        n_videos=12,
        n_classes=2,
        n_clips=(10, 14),
        n_instances=(1, 2),
        instance_clips=(1, 3),
        n_features=4,
        random_state=0,
    )


@cache
def model():
    return ASNLocalizer("temporal", clips_per_video=4, **FAST).fit(*data())


def X():
    return data()[0]


def y():
    return data()[1]


def asn_(**changes):
    return ASNLocalizer("temporal", **{"clips_per_video": 4, **FAST, **changes})


def some(*video):
    """Ground truth whose first video is given."""
    return [list(video), *map(list, y()[1:])]


class Recorder:
    """As a callback of skorch, which is imported with torch."""

    def on_train_begin(self, net):
        pass


def fit(labels, **changes):
    return asn_(**changes).fit(X(), labels() if callable(labels) else labels)


def fit_with(**beside):
    return asn_(pooling="probability").fit(X(), y(), **beside)


def train(estimator):
    return estimator.fit(X(), y())


def select(kind, given):
    return fit(y(), selection=getattr(selection, kind)(**given)).predict(X())


def one_clip(**given):
    return Clips.from_list([np.ones((3, 2))], **given)


def recognition(y_score=((1.0, 0.0), (0.0, 1.0)), classes=("a", "b")):
    return metrics.recognition_map(["a", "b"], y_score, classes=classes)


def weighted(weight):
    return metrics.localization_map(TRUE, SEG, sample_weight=weight)


def weak_clip(cas):
    return metrics.weak_clip_accuracy([{"a"}, {"b"}], cas, classes=["a", "b"])


def thumos(classes):
    return interchange.write_thumos14_results(SEG, "o.txt", classes=classes)


def ground_truth(duration=10, **given):
    return interchange.write_activitynet_ground_truth(TRUE, "o.json", duration=duration, **given)


def cas_display(estimator=None, **given):
    return plotting.CASDisplay.from_estimator(estimator or model(), X(), **given)


def pr_display(estimator):
    return plotting.PrecisionRecallDisplay.from_estimator(estimator, X(), y())


def quantile_display(**given):
    return plotting.QuantileCurveDisplay.from_estimator(model(), X(), y(), **given)


def curve(**given):
    return plotting.PrecisionRecallDisplay.from_predictions(TRUE, SEG, **given)


def gone(videos):
    return asn.report(model(), X(), videos=videos)


def tuned(grid):
    return model_selection.tune(model(), X(), y(), grid)


T, V, GONE = TypeError, ValueError, FileNotFoundError
SEG = Segments.from_list([[("a", 0.0, 1.0, 0.5)], []], ids=["p", "q"])
TRUE = Segments.from_list([[("a", 0.0, 1.0)], []], ids=["p", "q"])
EYE = np.eye(2)

FILES = {
    "good.csv": "video,label,start,end,score\na,b,0,1,\n",
    "names.csv": "vid,class,t0,t1\na,b,0,1\n",
    "order.csv": "video,label,start,end\na,b,5,1\n",
    "text.csv": "video,label,start,end\na,b,zero,1\n",
    "empty.csv": "",
    "number.json": "[1, 2]",
    "note.npz": "hello",
}
