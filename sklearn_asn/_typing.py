"""What public signatures say to type checkers: the words that are known, and what X and y may be.

The words stand in `_localizers/parameters.py` and where they are checked, too; a test compares them
with the documentation of every public name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

from numpy.typing import ArrayLike, NDArray

# ------------------------------------------------------------------ words

Stream = Literal["spatial", "temporal"]
Variant = Literal["temporal", "spatial", "single", "two-stream", "fusion", "bottleneck", "bilinear"]
FusionVariant = Literal["fusion", "temporal", "spatial", "single"]
TwoStreamVariant = Literal["two-stream", "temporal", "spatial", "single"]
Init = Literal["inherit", "scratch"]
Pooling = Literal["attention", "topk", "probability"]
ClassActivation = Literal["softmax", "sigmoid", "auto"]
Unlabelled = Literal["ignore", "background"]
Optimizer = Literal["sgd", "adamw"]
LrSchedule = Literal["steps", "cosine"]
QuantileVideos = Literal["untrimmed", "all"]
Precision = Literal["float32", "bfloat16"]
WhenNonePasses = Literal["best", "nothing"]
AttentionStream = Literal["both", "spatial", "temporal"]
AttentionScale = Literal["spread", "threshold"]
ClipSelection = Literal["soft", "hard"]
Effort = Literal["self-training", "one-fit"]
MatchingRule = Literal["activitynet", "thumos14", "thumos14-11point"]
Floor = Literal["zero", "minimum"]
RunScore = Literal["mean", "max"]
OnInvalid = Literal["raise", "drop", "clip"]
OnMissing = Literal["raise", "drop"]
OnMissingOrEmpty = Literal["raise", "drop", "empty"]
OnLengthMismatch = Literal["raise", "repeat_last"]
OnError = Literal["raise", "truncate", "skip"]
FlowMethod = Literal["dis", "dis-fast", "farneback", "tvl1"]
Channels = Literal["rgb", "bgr"]
TimeZero = Literal["timestamps", "container"]
RecognitionMetric = Literal["map", "accuracy"]
ActivityNetSubset = Literal["training", "validation", "testing"]
HaptSubset = Literal["train", "test", "all"]
Thumos14Subset = Literal["validation", "test"]
TimeUnit = Literal["s", "ms", "us", "min", "h", "frames"]
PermutedUnit = Literal["clips", "videos"]
IdFrom = Literal["observation", "media"]
LabelFrom = Literal["annotation", "tier"]
LabelStudioSource = Literal["annotations", "predictions"]
Several = Literal["raise", "first", "last", "all"]
SerializationFormat = Literal["joblib", "skops"]

# ------------------------------------------------------------------ data


class HasShape(Protocol):
    """An array of whatever library, a frame, a tensor, a data set on disk, `Clips`: not a text."""

    @property
    def shape(self) -> Any: ...


class HoldsClips(Protocol):
    """`Clips`, known by what no array has."""

    @property
    def clip_seconds(self) -> Any: ...

    def __getitem__(self, key: Any, /) -> Any: ...


#: Features of one video, ``(n_clips, n_features)``.
Video = HasShape | Sequence[Sequence[float]]
#: Videos one beside another: what gives a list of arrays, one a video.
Videos = HoldsClips | Sequence[Video] | Mapping[str, Video]
#: One array: of three axes a video an index, of two a video of one clip a row.
Stacked = HasShape | Sequence[Sequence[float]]
#: What `fit` and `predict` take. A path is none of it: a reader makes `Clips` of it.
X = Videos | Stacked
#: Labels of every video, or its segments.
Y = HasShape | Sequence[Any] | Mapping[str, Any]
#: A number or a bool a video, also by id.
OnePerVideo = ArrayLike | Mapping[str, Any]
#: What `transform` and `attention` give for videos.
PerClip = list[NDArray[Any]]


class SupportsSelect(Protocol):
    """A selection: `sklearn_asn.selection`, or an estimator of one's own."""

    @property
    def select(self) -> Callable[..., Any]: ...


class SupportsPredict(Protocol):
    """A fitted estimator."""

    @property
    def predict(self) -> Callable[..., Any]: ...


class Scorer(Protocol):
    """What scikit-learn calls with an estimator and data."""

    def __call__(self, estimator: Any, X: Any, y: Any = ..., /, **kwargs: Any) -> float: ...
