"""Mistakes at the public boundary: what is called, which error comes, what its message names.

A row is a name, a call, the type of the error, and what its message names (all of it). Paths are
relative to a folder of the test's own, in which `FILES` are.
"""

from __future__ import annotations

from functools import cache, partial

import numpy as np
import pandas as pd
from sklearn.preprocessing import StandardScaler

import sklearn_asn as asn
from sklearn_asn import (
    ASNLocalizer,
    Clips,
    ClipsWriter,
    ClipWise,
    Segments,
    SelfTrainingLocalizer,
    datasets,
    interchange,
    metrics,
    model_selection,
    plotting,
    rivals,
    saving,
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

SELECTIONS = [
    ("NaiveSelection", {"video_weight": "x"}),
    ("NaiveSelection", {"min_score": "x"}),
    ("NaiveSelection", {"top_k": 0}),
    ("NaiveSelection", {"top_k": 1.5}),
    ("AutoLocSelection", {"scales": 5}),
    ("AutoLocSelection", {"scales": "abc"}),
    ("AutoLocSelection", {"scales": []}),
    ("AutoLocSelection", {"offsets": None}),
    ("MultiQuantileSelection", {"quantiles": 0.5}),
    ("MultiQuantileSelection", {"quantiles": ["a"]}),
    ("MultiQuantileSelection", {"merge": "x"}),
    ("MultiThresholdSelection", {"thresholds": None}),
    ("MultiThresholdSelection", {"interpolation": "x"}),
    ("RelativeThresholdSelection", {"level": "x"}),
    ("RelativeThresholdSelection", {"floor": "x"}),
    ("TCAMSelection", {"interpolation": 0}),
    ("TCAMSelection", {"activation_threshold": None}),
]

PARAMETERS = [
    ("selection", selection.MultiQuantileSelection, "class MultiQuantileSelection", "instance"),
    ("selection", "naive", "'naive'"),
    ("selection", [selection.NaiveSelection()], "NaiveSelection()"),
    ("callbacks", Recorder(), "one callback", "[Recorder(...)]"),
    ("callbacks", Recorder, "one callback"),
    ("callbacks", print, "list of skorch callbacks"),
    ("callbacks", "x", "'x'"),
    ("callbacks", [5], "callbacks[0] is 5"),
    ("callbacks", [("a", print)], "callbacks[0]"),
    ("streams", 5, "streams", "5"),
    ("streams", {"temporal": "x", "spatial": "y"}, "streams['temporal']"),
    ("localize_classes", "class_1", "'class_1'", "known are 'class_0', 'class_1'"),
    ("localize_classes", ["clas_1"], "'clas_1' may mean 'class_1'"),
    ("localize_classes", 5, "localize_classes=5", "known are"),
    ("localize_classes", [], "localize_classes=[]"),
    ("lr_milestones", 0.5, "lr_milestones=0.5"),
    ("lr_milestones", ["a"], "'a'"),
    ("batch_size", "8", "batch_size='8'"),
    ("batch_size", None, "batch_size=None"),
    ("batch_size", 2.0, "batch_size=2.0"),
    ("max_epochs", -3, "max_epochs=-3"),
    ("max_epochs", True, "max_epochs=True"),
    ("lr", None, "lr=None"),
    ("lr", NAN, "lr=nan"),
    ("dropout", "x", "dropout='x'"),
    ("hidden_size", None, "hidden_size=None"),
    ("quantile", None, "quantile=None"),
    ("quantile", [0.5], "quantile=[0.5]"),
    ("random_state", "x", "random_state='x'"),
    ("random_state", 1.5, "random_state=1.5"),
    ("device", "gpu", "device='gpu'"),
    ("device", None, "device=None"),
    ("memory", 5, "memory"),
    ("optimizer", "x", "optimizer='x'", "adamw"),
    ("pooling", "max", "pooling='max'", "topk"),
    ("precision", "half", "precision='half'"),
    ("verbose", "x", "verbose='x'"),
    ("compile", "x", "compile='x'"),
    ("video_threshold", None, "video_threshold=None"),
    ("clips_per_video", "x", "clips_per_video='x'"),
    ("context_layers", -1, "context_layers=-1"),
    ("when_none_passes", "x", "when_none_passes='x'"),
    ("init", "x", "init='x'"),
    ("hide_probability", 2, "hide_probability=2"),
]

ROWS = [
    # ---------------------------------------------------------------- ground truth for fit
    ("sets of int and text", lambda: fit([{1, "a"}, *[{"a"}] * 11]), V, "mixes", "1", "'a'"),
    ("a set of ints", lambda: fit([{1}, *[{"a"}] * 11]), V, "mixes strings", "'a'"),
    ("labels of two kinds", lambda: fit([1, *["a"] * 11]), V, "mixes strings"),
    ("segments of two kinds", lambda: fit(some((3, 0.0, 1.0))), V, "mixes strings"),
    ("start, end, label", lambda: fit(some((0.0, 1.0, "a"))), V, "video 0", "in this order"),
    ("start, label, end", lambda: fit(some((0.0, "a", 1.0))), V, "video 0", "in this order"),
    ("all start, end, label", lambda: fit([[(0.0, 1.0, "a")]] * 12), V, "(0.0, 1.0, 'a')"),
    ("reversed times", lambda: fit(some(("a", 5.0, 1.0))), V, "start < end", "video 0"),
    ("sets of segments", lambda: fit([{("a", 0.0, 1.0)}] * 12), V, "y[0] is a set", "label, start"),
    ("no y", lambda: fit(None), V, "target y is None"),
    ("y a path", lambda: fit("labels.csv"), T, "y is the path", "'labels.csv'"),
    ("y a number", lambda: fit(5), V, "y should be"),
    ("y a generator", lambda: fit(v for v in y()), T, "y is a generator", "list(y)"),
    ("y of None", lambda: fit([None] * 12), V, "y[0] is None"),
    ("y of NaN", lambda: fit([{NAN}] * 12), V, "y[0] is nan"),
    ("y too short", lambda: fit(y()[:3]), V, "12 videos", "3"),
    ("y by other ids", lambda: fit({"zz": ["a"]}), V, "12 videos", "1"),
    ("weights of text", lambda: fit_with(sample_weight="x"), V, "sample_weight", "'x'"),
    ("one weight", lambda: fit_with(sample_weight=1.0), V, "sample_weight", "(12,)"),
    ("a negative weight", lambda: fit_with(sample_weight=[-1] * 12), V, "sample_weight of video 0"),
    ("a ragged weight", lambda: fit_with(sample_weight=[[1], [1, 2]]), V, "sample_weight"),
    ("trimmed of ints", lambda: fit_with(trimmed=[0] * 12), V, "trimmed", "int64"),
    ("timed a text", lambda: fit_with(timed="x"), V, "timed", "(12,)"),
    # ---------------------------------------------------------------- features
    ("X None", lambda: asn_().fit(None, y()), V, "X is None", "expected a list"),
    ("X a number", lambda: asn_().fit(5, y()), V, "X is 5"),
    ("X a path", lambda: asn_().fit("x.npy", y()), T, "X is the path", "'x.npy'"),
    ("X a generator", lambda: asn_().fit((v for v in X()), y()), T, "X is a generator"),
    ("X of None", lambda: asn_().fit([None] * 12, y()), V, "Video 0 of X is None"),
    ("X of text", lambda: asn_().fit([[["a"]]] * 12, y()), V, "Video 0", "real numbers"),
    ("X of four axes", lambda: asn_().fit(np.ones((2, 2, 2, 2)), "ab"), V, "dim 4"),
    ("X a dict of text", lambda: asn_().fit({"a": "b"}, ["a"]), T, "Video 0", "'b'"),
    ("predict None", lambda: model().predict(None), V, "X is None"),
    ("predict nothing", lambda: model().predict([]), V, "0 videos", "X"),
    ("predict other features", lambda: model().predict([np.ones((3, 2))]), V, "2 features", "8"),
    ("predict one video", lambda: model().predict(X()[0]), V, "X is 2-D", "[array]"),
    ("predict unfitted", lambda: asn_().predict(X()), V, "not fitted"),
    ("transform None", lambda: model().transform(None), V, "X is None"),
    ("attention None", lambda: model().attention(None), V, "X is None"),
    ("predict_proba None", lambda: model().predict_proba(None), V, "X is None"),
    ("score without y", lambda: model().score(X(), None), V, "y is None"),
    ("score other labels", lambda: model().score(X(), [{0}] * 12), V, "int64", "cannot match"),
    (
        "score weights",
        lambda: model().score(X(), y(), sample_weight="x"),
        V,
        "sample_weight",
        "'x'",
    ),
    # ---------------------------------------------------------------- Segments
    ("Segments order", lambda: Segments.from_list([[(0.0, 1.0, "a")]]), V, "in this order"),
    ("Segments numbers", lambda: Segments.from_list([[(0, 5, 1)]]), V, "order (label, start, end)"),
    ("Segments pair", lambda: Segments.from_list([[("a", 5.0)]]), V, "video 0", "('a', 5.0)"),
    ("Segments None", lambda: Segments.from_list(None), T, "videos=None"),
    ("Segments int", lambda: Segments.from_list(5), T, "videos=5"),
    ("Segments of int", lambda: Segments.from_list([5]), V, "video 0", "5"),
    ("Segments of None", lambda: Segments.from_list([None]), V, "video 0", "None"),
    ("Segments flat", lambda: Segments.from_list([("a", 0.0, 1.0)]), V, "video 0", "'a'"),
    ("Segments dict", lambda: Segments.from_list([[{"label": "a"}]]), V, "(label, start, end)"),
    ("Segments word", lambda: Segments.from_list([[("a", "zero", 1.0)]]), V, "'zero'", "numbers"),
    ("Segments no time", lambda: Segments.from_list([[("a", None, 1.0)]]), V, "start[0] is None"),
    ("Segments no label", lambda: Segments.from_list([[(None, 0.0, 1.0)]]), V, "label[0] is None"),
    ("Segments NaN", lambda: Segments.from_list([[("a", NAN, 1.0)]]), V, "finite", "video 0"),
    ("Segments score", lambda: Segments.from_list([[("a", 0, 1, "hi")]]), V, "score[0] is 'hi'"),
    ("Segments ids int", lambda: Segments.from_list([[]], ids=3), T, "ids", "3"),
    ("Segments ids short", lambda: Segments.from_list([[]], ids=[]), V, "ids names 0", "1"),
    ("Segments ids twice", lambda: Segments.from_list([[], []], ids=["a", "a"]), V, "'a'"),
    ("Segments column None", lambda: Segments(None, None, None, None), T, "label=None"),
    ("Segments columns", lambda: Segments([0, 1], ["a"], [0.0, 1.0], [1.0]), V, "start has shape"),
    ("from_frame list", lambda: Segments.from_frame([1]), T, "frame must be", "list"),
    ("from_frame columns", lambda: Segments.from_frame(pd.DataFrame({"t0": [1]})), V, "'t0'"),
    ("above text", lambda: SEG.above("x"), V, "score='x'"),
    ("above truth", lambda: TRUE.above(0.5), V, "no score"),
    ("filter positions", lambda: SEG.filter([1, 2]), V, "keep must be a mask"),
    ("by id", lambda: SEG["p"], IndexError, "videos are selected by"),
    ("beyond", lambda: SEG[9], IndexError, "video 9 of 2"),
    ("concatenate None", lambda: Segments.concatenate(None), T, "parts=None"),
    ("concatenate lists", lambda: Segments.concatenate([[("a", 0, 1)]]), V, "parts[0] is list"),
    ("open None", lambda: Segments.open(None), T, "path=None"),
    ("open a number", lambda: Segments.open(3.5), T, "path=3.5"),
    ("open nothing", lambda: Segments.open("no.npz"), GONE, "no.npz"),
    ("open a note", lambda: Segments.open("note.npz"), V, "note.npz", "no Segments"),
    ("save None", lambda: SEG.save(None), T, "path=None"),
    # ---------------------------------------------------------------- Clips
    ("Clips None", lambda: Clips.from_list(None), T, "X=None", "one array a video"),
    ("Clips int", lambda: Clips.from_list(5), T, "X=5"),
    ("Clips 1-D", lambda: Clips.from_list([[1.0, 2.0]]), V, "Video 0", "2-D"),
    ("Clips of None", lambda: Clips.from_list([None]), V, "Video 0"),
    ("Clips seconds text", lambda: one_clip(clip_seconds="1s"), V, "clip_seconds[0] is '1s'"),
    ("Clips seconds negative", lambda: one_clip(clip_seconds=-1), V, "clip_seconds of video 0"),
    ("Clips seconds NaN", lambda: one_clip(clip_seconds=NAN), V, "clip_seconds of video 0", "nan"),
    ("Clips ids int", lambda: one_clip(ids=7), T, "ids", "7"),
    ("Clips names", lambda: one_clip(feature_names=["a"]), V, "feature_names has 1", "2 features"),
    ("Clips offsets", lambda: Clips(np.ones((3, 2)), [0, 5]), V, "offsets", "3 rows", "5"),
    ("Clips offsets None", lambda: Clips(np.ones((3, 2)), None), V, "offsets must hold"),
    ("Clips values None", lambda: Clips(None, [0, 1]), V, "values must be"),
    ("Clips open None", lambda: Clips.open(None), T, "folder=None"),
    ("Clips open nowhere", lambda: Clips.open("nowhere"), GONE, "nowhere"),
    ("Clips save int", lambda: X().save(5), T, "folder=5"),
    ("Clips to_time", lambda: X().to_time("a", "b"), V, "position", "'b'"),
    ("Clips with_values", lambda: X().with_values(np.ones((2, 2))), V, "2 rows"),
    ("Clips from_frame", lambda: Clips.from_frame(None, by="z"), T, "frame", "NoneType"),
    ("ClipsWriter None", lambda: ClipsWriter(None), T, "folder=None"),
    ("ClipsWriter dtype", lambda: ClipsWriter("w", dtype="int3"), V, "dtype='int3'"),
    ("ClipWise class", lambda: ClipWise(StandardScaler).fit(X()), V, "class StandardScaler"),
    ("ClipWise None", lambda: ClipWise(None).fit(X()), T, "transformer=None"),
    ("ClipWise text", lambda: ClipWise("scale").fit(X()), T, "transformer='scale'"),
    ("ClipWise X", lambda: ClipWise(StandardScaler()).fit(None), V, "X is None"),
    # ---------------------------------------------------------------- ready-made estimators
    ("pipeline effort", lambda: asn.localization_pipeline(effort="max"), V, "'max'", "one-fit"),
    ("pipeline X", lambda: asn.localization_pipeline(5), V, "X is 5"),
    ("ensemble None", lambda: train(SelfTrainingLocalizer(None)), V, "localizers=None"),
    ("ensemble class", lambda: train(SelfTrainingLocalizer([("a", ASNLocalizer)])), V, "'a'"),
    ("ensemble one", lambda: train(SelfTrainingLocalizer(asn_())), V, "(name, localizer)"),
    ("STPN", lambda: train(rivals.STPN(attention_size="x")), V, "attention_size='x'"),
    ("WTALC", lambda: train(rivals.WTALC(4, topk_divisor=0)), V, "topk_divisor=0"),
    ("UntrimmedNet", lambda: train(rivals.UntrimmedNet(clip_selection="x")), V, "clip_selection"),
    ("UntrimmedNet callbacks", lambda: train(rivals.UntrimmedNet(callbacks=print)), V, "callbacks"),
    ("STPN X", lambda: rivals.STPN().fit(None, y()), V, "X is None"),
    ("SingleInstance C", lambda: train(rivals.SingleInstance(C="x")), V, "C='x'"),
    ("AutoLoc text", lambda: train(rivals.AutoLoc("x")), V, "localizer"),
    ("diagnose class", lambda: asn.diagnose(ASNLocalizer, X()), V, "class ASNLocalizer"),
    ("diagnose None", lambda: asn.diagnose(None, X()), V, "NoneType"),
    # ---------------------------------------------------------------- metrics
    ("map None", lambda: metrics.localization_map(None, SEG), V, "y_true must be"),
    ("map text", lambda: metrics.localization_map(TRUE, "b"), V, "y_pred must be"),
    ("map swapped", lambda: metrics.localization_map(SEG, TRUE), V, "y_pred", "score nan"),
    ("map lengths", lambda: metrics.localization_map(TRUE, SEG[:1]), V, "2 videos", "1"),
    ("map sets", lambda: metrics.localization_map([{"a"}], SEG[:1]), V, "y_true", "set of labels"),
    ("map kinds", lambda: metrics.localization_map([[(1, 0, 1)], []], SEG), V, "cannot match"),
    (
        "map order",
        lambda: metrics.localization_map([[(0.0, 1.0, "a")], []], SEG),
        V,
        "y_true",
        "order",
    ),
    ("tiou text", lambda: metrics.localization_map(TRUE, SEG, "0.5"), V, "tiou", "'0.5'"),
    ("tiou words", lambda: metrics.localization_map(TRUE, SEG, ["a"]), V, "tiou", "'a'"),
    ("tiou percent", lambda: metrics.localization_map(TRUE, SEG, 50), V, "tiou=50", "(0, 1]"),
    ("tiou NaN", lambda: metrics.localization_map(TRUE, SEG, NAN), V, "tiou=nan"),
    ("tiou dict", lambda: metrics.localization_map(TRUE, SEG, {"a": 1}), V, "tiou"),
    ("tiou ragged", lambda: metrics.localization_map(TRUE, SEG, [[0.5], [0.5, 0.6]]), V, "tiou"),
    ("tiou none", lambda: metrics.localization_map(TRUE, SEG, []), V, "tiou=[]"),
    ("protocol", lambda: metrics.localization_map(TRUE, SEG, protocol="x"), V, "protocol='x'"),
    (
        "map weight",
        lambda: metrics.localization_map(TRUE, SEG, sample_weight="x"),
        V,
        "sample_weight",
    ),
    ("table tiou", lambda: metrics.average_precision_table(TRUE, SEG, "x"), V, "tiou"),
    ("recall k", lambda: metrics.recall_at(TRUE, SEG, k="x"), V, "k='x'"),
    ("recall k list", lambda: metrics.recall_at(TRUE, SEG, k=[1, 5]), V, "k=[1, 5]"),
    ("recall proposals", lambda: metrics.average_recall(TRUE, SEG, max_proposals=-1), V, "=-1"),
    ("tiou of text", lambda: metrics.tiou("a", "b"), V, "a must hold numbers"),
    ("tiou reversed", lambda: metrics.tiou([1.0, 0.0], [0.0, 1.0]), V, "a[0]", "start < end"),
    ("recognition text", lambda: recognition(y_score="x"), V, "y_score", "'x'"),
    ("recognition ragged", lambda: recognition(y_score=[[1], [1, 2]]), V, "y_score"),
    ("recognition NaN", lambda: recognition(y_score=EYE * NAN), V, "y_score of video 0"),
    ("recognition shape", lambda: recognition(y_score=np.ones((2, 3))), V, "y_score", "(2, 3)"),
    ("classes text", lambda: recognition(classes="ab"), T, "classes='ab'"),
    ("classes None", lambda: recognition(classes=None), T, "classes=None"),
    ("classes mixed", lambda: recognition(classes=["a", 1]), V, "classes mixes"),
    ("classes twice", lambda: recognition(classes=["a", "a"]), V, "classes repeats"),
    ("recognition scorer", lambda: metrics.recognition_scorer("mapp"), V, "'mapp'", "'map'"),
    ("localization scorer", lambda: metrics.localization_scorer("x"), V, "tiou"),
    ("weak mixed", lambda: metrics.weak_detection_map([{"a"}, {1}], SEG), V, "mixes", "'a'"),
    ("weak cas None", lambda: weak_clip(None), T, "cas=None"),
    ("weak cas text", lambda: weak_clip(["x", "y"]), V, "cas of video 0", "'x'"),
    # ---------------------------------------------------------------- selection
    ("nms text", lambda: selection.nms("a", "b", "c"), V, "start", "'a'"),
    ("nms lengths", lambda: selection.nms([0.0], [1.0, 2.0], [0.5]), V, "end (2,)"),
    ("nms reversed", lambda: selection.nms([1.0], [0.0], [0.5]), V, "box 0", "start < end"),
    ("nms NaN", lambda: selection.nms([NAN], [1.0], [0.5]), V, "start of box 0"),
    ("nms ragged", lambda: selection.nms([[0.0], [1.0, 2.0]], [1.0], [0.5]), V, "start"),
    ("nms threshold", lambda: selection.nms([0.0], [1.0], [0.5], "x"), V, "threshold", "'x'"),
    ("soft-nms sigma", lambda: selection.soft_nms([0], [1], [0.5], sigma=0), V, "sigma"),
    ("scales", lambda: selection.dense_scales(9, 3), V, "longest=3"),
    ("cas None", lambda: selection.NaiveSelection().select(None, np.ones(2)), V, "cas"),
    ("cas text", lambda: selection.NaiveSelection().select([["a", "b"]], np.ones(2)), V, "cas"),
    ("cas NaN", lambda: selection.NaiveSelection().select(EYE * NAN, np.ones(2)), V, "nan", "cas"),
    # ---------------------------------------------------------------- files
    ("csv names", lambda: interchange.read_csv("names.csv"), V, "video, label", "'vid', 'class'"),
    ("csv order", lambda: interchange.read_csv("order.csv"), V, "order.csv, line 2", "5.0, 1.0"),
    ("csv words", lambda: interchange.read_csv("text.csv"), V, "line 2", "'zero'"),
    ("csv empty", lambda: interchange.read_csv("empty.csv"), V, "empty.csv", "it is empty"),
    ("csv None", lambda: interchange.read_csv(None), T, "path=None"),
    ("csv videos", lambda: interchange.read_csv("good.csv", videos="a"), T, "videos", "'a'"),
    ("csv unknown", lambda: interchange.read_csv("good.csv", videos=["z"]), V, "good.csv", "a"),
    ("csv invalid", lambda: interchange.read_csv("good.csv", on_invalid="x"), V, "on_invalid='x'"),
    ("vtt None", lambda: interchange.read_vtt(None), T, "paths=None"),
    ("vtt of None", lambda: interchange.read_vtt([None]), T, "paths[0]=None"),
    ("boris int", lambda: interchange.read_boris(5), T, "path=5"),
    ("json", lambda: interchange.read_label_studio("number.json"), V, "number.json", "[0]"),
    ("json rate", lambda: interchange.read_label_studio("number.json", "x"), V, "framerate='x'"),
    ("write None", lambda: interchange.write_csv(None, "o.csv"), T, "segments must be", "NoneType"),
    ("write lists", lambda: interchange.write_vtt([[]], "o"), T, "segments must be", "list"),
    ("write nowhere", lambda: interchange.write_csv(TRUE, None), T, "path=None"),
    ("write ids", lambda: interchange.write_csv(TRUE, "o.csv", ids=5), T, "ids", "5"),
    ("write over", lambda: interchange.write_csv(TRUE, "good.csv"), FileExistsError, "overwrite"),
    ("write via", lambda: interchange.write_via(TRUE, None), T, "path=None"),
    ("write numbers", lambda: thumos({"a": "one"}), V, "classes", "'one'"),
    ("write class list", lambda: thumos(["a"]), T, "classes=['a']"),
    ("write subset", lambda: ground_truth(subset=5), T, "subset=5"),
    ("write duration", lambda: ground_truth(duration="x"), V, "duration", "'x'"),
    ("config labels", lambda: interchange.label_studio_config("abc", 25), T, "labels", "'abc'"),
    # ---------------------------------------------------------------- datasets
    ("align None", lambda: datasets.align(X(), None), V, "y must be", "NoneType"),
    ("counts None", lambda: datasets.check_frame_counts(None, 100, 16), T, "X must be Clips"),
    ("counts text", lambda: datasets.check_frame_counts(X(), "x", 16), V, "n_frames", "'x'"),
    ("timing zero", lambda: datasets.feature_timing(0, 16), V, "fps"),
    ("folder None", lambda: datasets.load_feature_folder(None), T, "folder=None"),
    ("folder gone", lambda: datasets.load_feature_folder("no"), GONE, "no"),
    ("folder pattern", lambda: datasets.load_feature_folder(".", pattern=5), V, "pattern=5"),
    ("array None", lambda: datasets.load_feature_object_array(None, ids=["a"]), T, "path=None"),
    ("tsv None", lambda: datasets.load_autoloc_tsv(None, n_classes=2), T, "path=None"),
    ("gestures dtype", lambda: datasets.load_gestures(".", dtype="x"), V, "dtype='x'"),
    ("hapt subset", lambda: datasets.load_hapt(".", subset="x"), V, "subset", "'x'"),
    ("truth gone", lambda: datasets.load_ground_truth("no.json"), GONE, "no.json"),
    ("table columns", lambda: datasets.read_table("names.csv", columns=5), T, "columns=5"),
    ("table names", lambda: datasets.read_table("names.csv"), V, "'vid', 'class'"),
    ("restrict text", lambda: datasets.restrict_labels(TRUE, "a"), T, "classes", "'a'"),
    ("split None", lambda: datasets.split_labels(None), T, "labels=None"),
    ("make text", lambda: make_untrimmed_videos("x"), T, "n_videos", "an integer", "'x'"),
    ("make none", lambda: make_untrimmed_videos(0), V, "n_videos", "0"),
    ("make reversed", lambda: make_untrimmed_videos(5, n_clips=(50, 20)), V, "n_clips", "(50, 20)"),
    ("make seed", lambda: make_untrimmed_videos(5, random_state="x"), T, "random_state='x'"),
    # ---------------------------------------------------------------- pictures and reports
    ("cas class", lambda: cas_display(ASNLocalizer), V, "class ASNLocalizer"),
    ("cas X", lambda: plotting.CASDisplay.from_estimator(model(), None), T, "X=None"),
    ("cas id", lambda: cas_display(video="video_000"), V, "video='video_000'", "12 videos"),
    ("cas half", lambda: cas_display(video=1.5), V, "video=1.5"),
    ("cas axes", lambda: cas_display(ax=5), T, "ax=5", "matplotlib Axes"),
    ("curve tiou", lambda: curve(tiou="x"), V, "tiou"),
    ("curve classes", lambda: curve(classes=["aa"]), V, "'aa' may mean 'a'", "known are 'a'"),
    ("curve one class", lambda: curve(classes="aa"), T, "classes='aa'"),
    ("curve of None", lambda: pr_display(None), V, "estimator=None"),
    ("curve of a class", lambda: pr_display(ASNLocalizer), V, "class ASNLocalizer"),
    ("quantiles", lambda: quantile_display(quantiles="x"), V, "quantiles", "'x'"),
    ("history", lambda: plotting.TrainingDisplay(None).plot(), T, "history=None"),
    ("colours", lambda: plotting.class_colours(5), V, "classes=5"),
    ("report class", lambda: asn.report(ASNLocalizer, X()), V, "class ASNLocalizer"),
    ("report path", lambda: asn.report(model(), X(), path=None), T, "path=None"),
    ("report video", lambda: asn.report(model(), X(), videos=5), V, "videos=5"),
    (
        "report gone",
        lambda: gone(["a.mp4"] * 12),
        FileNotFoundError,
        "12 of 12",
        "'a.mp4'",
        "video_000",
    ),
    (
        "report one gone",
        lambda: gone({"video_003": "b.mp4"}),
        FileNotFoundError,
        "'b.mp4'",
        "video_003",
    ),
    ("report height", lambda: asn.report(model(), X(), height="tall"), V, "height='tall'"),
    # ---------------------------------------------------------------- choosing, saving, shards
    ("split n", lambda: list(model_selection.TimedSplit("x").split(X(), y())), V, "n_splits='x'"),
    ("split y", lambda: list(model_selection.TimedSplit().split(X(), None)), V, "needs y"),
    ("tune typo", lambda: tuned({"quantil": [0.5]}), V, "'quantil'", "'quantile'"),
    ("tune training", lambda: tuned({"lr": [0.5]}), V, "'lr'", "needs a fit"),
    ("tune value", lambda: tuned({"quantile": ["x"]}), V, "quantile='x'"),
    ("tune class", lambda: tuned({"selection": [selection.NaiveSelection]}), V, "class NaiveSel"),
    ("save no model", lambda: saving.save_safetensors(None, "m"), T, "NoneType", "ASNLocalizer"),
    ("save nowhere", lambda: saving.save_safetensors(model(), None), T, "path=None"),
    ("load None", lambda: saving.load_safetensors(None), T, "path=None"),
    ("load a table", lambda: saving.load_safetensors("good.csv"), V, "good.csv"),
    ("shards None", lambda: asn.predict_shards(model(), None, "o"), T, "paths=None"),
    ("shards nowhere", lambda: asn.predict_shards(model(), ["no"], None), T, "out=None"),
    ("shards read", lambda: asn.read_shards(5), T, "out_or_paths=5"),
    # ---------------------------------------------------------------- one row each of these
    *(
        (f"{name}={str(value)[:30]}", partial(fit, y, **{name: value}), V, name, *named)
        for name, value, *named in PARAMETERS
    ),
    *(
        (f"{kind}({given})", partial(select, kind, given), V, next(iter(given)))
        for kind, given in SELECTIONS
    ),
]
