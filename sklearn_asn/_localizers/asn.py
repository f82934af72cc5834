"""`ASNLocalizer`: the Action Sensitive Network as an estimator; reads as section 3.3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sklearn_asn._checks import check_choice
from sklearn_asn._data.columns import STREAMS, streams_of
from sklearn_asn._doclink import public
from sklearn_asn._localizers import cas
from sklearn_asn._localizers.base import BaseLocalizer
from sklearn_asn._localizers.heads import GivenHeads, check_init, weights_of_parents
from sklearn_asn._localizers.model import Model, Scored
from sklearn_asn._localizers.parameters import (
    SHARED,
    Parameter,
    anything,
    choice,
    count,
    flag,
    number,
    train,
    use,
)
from sklearn_asn._localizers.planning import Inputs, plan_of
from sklearn_asn._localizers.quantiles import Thresholds
from sklearn_asn._localizers.reading import Reading, read_models, read_probabilities
from sklearn_asn._training.criteria import choose_activation, criterion_of
from sklearn_asn._training.network import SINGLE_STREAM, VARIANTS, Heads, extractor_class
from sklearn_asn._training.recipe import Plan
from sklearn_asn._training.supervised import Supervised
from sklearn_asn._training.train import Machine
from sklearn_asn._typing import (
    AttentionScale,
    AttentionStream,
    ClassActivation,
    Init,
    LrSchedule,
    Optimizer,
    Pooling,
    Precision,
    QuantileVideos,
    Stream,
    SupportsPredict,
    SupportsSelect,
    Unlabelled,
    Variant,
    WhenNonePasses,
)


def _variant(value: Any, name: str) -> None:
    """Accept the paper's names, and module classes that work as an extractor."""
    if isinstance(value, type):
        if not issubclass(value, nn.Module):
            raise ValueError(f"{name}={value!r}; expected one of {VARIANTS} or a module class.")
        return
    if isinstance(value, nn.Module):
        raise ValueError(f"{name} is a {type(value).__name__} object; pass its class.")
    check_choice(value, name, VARIANTS)


def _layers(value: Any, name: str) -> None:
    """Accept a few layers; each doubles what they see."""
    if isinstance(value, bool) or value not in range(13):
        raise ValueError(f"{name}={value!r}; expected an integer in [0, 12].")


@public("sklearn_asn")
class ASNLocalizer(GivenHeads, Thresholds, BaseLocalizer):
    """Find when actions happen, from videos of which only the labels are known.

    The Action Sensitive Network: clip features of two streams go through an Action Sensitive
    Extractor (ASE), a classification head and an attention head; softmax attention pools clips
    into videos, which are trained against video-level labels. In use, clips whose attention is
    below a quantile recorded during training are background, and runs of the rest are segments.

    Parameters
    ----------
    variant : {"bilinear", "bottleneck", "fusion", "two-stream", "temporal", "spatial", "single"} \
            or type, default="bilinear"
        The ASE (section 3.1). ``"single"`` reads all columns as one stream, for features that know
        no two; ``"temporal"`` and ``"spatial"`` read one of two streams; ``"two-stream"``
        trains both apart and averages them in use; the others add to the main stream the other
        one as it is (fusion), through a bottleneck, or through a bilinear layer. A torch module
        class of your own may stand in their place: see the guide on a method of one's own.
    hidden_size : int, default=128
        Units of the bottleneck and bilinear layers.
    init : {"inherit", "scratch"}, fitted single-stream ASNLocalizer, or dict, default="inherit"
        Where the heads start. ``"inherit"`` first trains the main stream alone and copies its
        heads (eq. 1); an estimator gives its own (wrap it in
        `sklearn.frozen.FrozenEstimator` to keep it fitted through `clone`, as in a grid search).
        Single streams and ``"two-stream"`` have no parent to train: ``"inherit"`` means
        ``"scratch"`` for them. ``"two-stream"`` takes one estimator a stream:
        ``{"temporal": ..., "spatial": ...}``.
    main_stream : {"temporal", "spatial"}, default="temporal"
        The stream that leads.
    streams : dict, default=None
        Columns of each stream: a slice, index array, mask or feature names under the keys
        ``"spatial"`` and ``"temporal"``; two streams share no column. None: the columns' names
        decide, where all of them begin with ``spatial`` or ``temporal`` (or as this package's
        loaders name them: ``rgb`` and ``flow``, ``gyro`` and ``acc``); else the first half of the
        columns (rounded down) is spatial and the rest temporal, and a variant that reads both
        streams warns of this (`UnnamedStreamsWarning`).
    quantile : float in [0, 1], default=0.5
        Share of clips taken as background (section 3.2). It does not enter training: set another
        value on a fitted estimator and it holds at once. Half of the true share of background is a
        start; labels cannot judge it, segments of some videos can (`model_selection.tune`).
    quantile_momentum : float in [0, 1], default=0.9
        alpha in eq. 2.
    quantile_videos : {"untrimmed", "all"}, default="untrimmed"
        Whose clips the quantiles are recorded of. Where `trimmed` videos are trained on too,
        ``"all"`` records their batches as well: they have no background, and bend the quantile.
    clips_per_video : int or None, default=7
        Random clips of an untrimmed video in a training step; None takes all of them.
    frames_per_clip : int, default=1
        Rows of X averaged into one clip. The last clip of a video averages what is left.
    frames_sampled : int, default=3
        Rows sampled sparsely from each clip in training, at most as many as it has.
    training_window : int, default=None
        Rows of X that make a clip while training; None: `frames_per_clip`. With ``20``,
        ``frames_sampled=3`` and ``frames_per_clip=1``, training averages three rows of windows of
        20, and every row is a clip in use: UntrimmedNet's sampling, and so the paper's, where a
        row is 15 frames and a window 300.
    dropout : float in [0, 1), default=0.5
        Before the bottleneck and bilinear layers and before classification.
    channel_dropout : bool, default=False
        Drop whole columns of a video, the same for all its clips in a step, in place of single
        values. Not the paper's.
    context_layers : int, default=0
        Temporal layers before the heads, over whole videos: 0 is none (the paper); 1 sees three
        neighbouring clips; more are residual, of dilation 2, 4, ...: they see 7, 15, ... clips.
    context_size : int, default=128
        Units of these layers.
    pooling : {"attention", "topk", "probability"}, default="attention"
        How clips make a video. ``"attention"`` is the paper's. ``"topk"`` averages the highest
        activations of each class (as W-TALC does); a clip's attention is then its largest class
        activation, and in the CAS every class is compared with the threshold by itself.
        ``"probability"`` has one more column for the background: a softmax over all gives what
        each clip shows, the highest probabilities of each class are averaged, and binary
        cross-entropy compares them with the labels. A clip's attention is then the log-odds of
        not being background, so that quantiles mean what they mean elsewhere.
    topk_divisor : int, default=8
        For ``"topk"`` and ``"probability"``: one in so many clips is averaged, rounded up.
    class_activation : {"softmax", "sigmoid", "auto"}, default="softmax"
        For ``pooling="probability"``: one class a clip, or any number of them (where actions
        overlap), each with its own sigmoid; attention is then the log-odds of any. ``"auto"``
        looks at the labels in `fit`: a softmax, unless a video shows more than a third of all
        classes, or more than half of `topk_divisor`.
    unlabelled : {"ignore", "background"}, default="ignore"
        What a video without labels says: nothing, or (for ``pooling="probability"``) that it
        shows no class of those trained on.
    hide_probability : float in [0, 1), default=0.0
        Share of clips hidden at random in training (Hide-and-Seek). Not the paper's.
    hide_clips : int, default=1
        Neighbouring clips that are hidden together.
    attention_softening : float, default=3.0
        Attention is divided by it for video-level scores.
    video_threshold : float in [0, 1], default=0.1
        Classes whose video-level probability is not above it are not localized.
    when_none_passes : {"best", "nothing"}, default="best"
        What is localized in a video of which no class is above `video_threshold`.
    localize_classes : sequence of labels, default=None
        Classes to localize, of those trained on (20 of THUMOS14's 101, say); None: all. The CAS
        keeps the columns of the others, at zero.
    attention_stream : {"both", "temporal", "spatial"}, default="both"
        Two-stream only: whose attention decides (section 4.3).
    attention_scale : {"spread", "threshold"}, default="spread"
        Two-stream only: how attentions of both are averaged. ``"spread"``: each one's distance
        from its threshold, in units of its spread (from the quarter to three quarters of the
        recorded quantiles). ``"threshold"``: in units of the threshold, as the paper's quotient,
        which lets one stream decide alone where its threshold is near 0.
    selection : estimator, default=None
        Makes segments of the CAS; None is ``NaiveSelection()``. See `sklearn_asn.selection`.
    max_epochs : int, default=80
    batch_size : int, default=512
        Untrimmed videos in a batch; in use, ``batch_size * clips_per_video`` clips are scored at a
        time.
    trimmed_batch_size : int, default=8192
        Trimmed videos in a batch.
    optimizer : {"sgd", "adamw"}, default="sgd"
    lr : float, default=0.1
        Learning rate.
    lr_schedule : {"steps", "cosine"}, default="steps"
        ``"steps"``: it falls tenfold at each of `lr_milestones`. ``"cosine"``: it rises for 20
        steps (at most a tenth of all), then falls to 0 along half a cosine, step by step.
    lr_milestones : sequence of float, default=(0.5, 0.75)
        For ``"steps"``: shares of `max_epochs`.
    momentum : float in [0, 1), default=0.9
        Nesterov momentum, of ``"sgd"``.
    weight_decay : float, default=5e-4
    extractor_weight_decay : float, default=None
        Of the extractor (bottleneck and bilinear layers) apart: at the weight decay that good
        heads want, it can die. None: `weight_decay`.
    gradient_clip : float or None, default=1.0
        Largest norm of a model's gradient. The paper names none; without one the bilinear variant
        can diverge at the paper's learning rate.
    device : str, default="auto"
        Torch device; ``"auto"`` is the GPU where there is one.
    precision : {"float32", "bfloat16"}, default="float32"
        Of the network's matrix products (``torch.autocast``), in training and in use. Weights, the
        loss and quantiles stay in float32. ``"bfloat16"`` is faster on recent GPUs, and coarser.
    compile : bool, default=False
        Compile the network (`torch.compile`): worth its start-up time on a GPU, in long trainings.
    callbacks : list of skorch callbacks, default=None
        Copied, shallowly, for every network that is trained; see the guide on training.
    memory : str or joblib.Memory, default=None
        Caches trainings by data, training parameters and seed. `quantile`, `selection` and the
        thresholds are not among these, so searching over them trains once; so does the inherited
        main-stream model. Processes can share it: of several that want the same training, one
        trains. Features on disk count by path, size and time of their file.
    warm_start : bool, default=False
        `fit` goes on from the weights and quantiles of the last one, with the same classes.
    random_state : int, RandomState, Generator or None, default=None
        None draws a seed from the operating system. Global generators are never touched.
    verbose : int, default=0
        1 shows one bar for the fit on a terminal or in a notebook (epoch, loss, the attention
        threshold at `quantile`, time left), and ends it with one line. In files and in processes
        and threads beside the main one, as in ``GridSearchCV(n_jobs=2)``, it is that line alone.
        Both go to the standard error stream. 2 prints skorch's table instead of the bar, a line
        an epoch.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    labels_per_video_ : float
        Classes that a video of the fit showed: the mean over those with labels, by their weight
        (untrimmed ones, if there are any).
    class_activation_ : {"softmax", "sigmoid"}
        What `class_activation` came to.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Where X had names.
    ragged_in_ : bool
        Whether `fit` saw videos of many clips; a 2-D `X` is refused in use then.
    n_iter_ : int
        Epochs trained.
    net_ : skorch.NeuralNet
        The fitted net; made anew from plain arrays after unpickling.
    history_ : list of dict
        One record an epoch: ``"train_loss"``, ``"attention_quantiles"`` at the levels 0.1, 0.3,
        0.5, 0.7 and 0.9 (for two-stream a list a stream), ``"attention_peak"`` (the mean share of
        a video's attention that its highest clip gets, where it is a softmax), what callbacks add.
    quantile_levels_ : ndarray of shape (101,)
    attention_quantiles_ : ndarray of shape (101,), or (2, 101) for two-stream (main stream first)
        Running quantile of raw attention at every level (eq. 2).
    threshold_ : float, or ndarray of shape (2,) for two-stream
        Their value at `quantile`.

    References
    ----------
    Z. Kang, L. Wang, Z. Liu, Q. Zhang, N. Zheng, "Extracting Action Sensitive Features to
    Facilitate Weakly-Supervised Action Localization", AIAI 2019.

    Examples
    --------
    >>> from sklearn_asn import ASNLocalizer
    >>> from sklearn_asn.datasets import make_untrimmed_videos
    >>> X, y = make_untrimmed_videos(n_videos=40, random_state=0)
    >>> localizer = ASNLocalizer("temporal", batch_size=10, random_state=0).fit(X, y)
    >>> found = localizer.predict(X)
    >>> len(found) == len(X)
    True
    """

    _parameters: ClassVar[Mapping[str, Parameter]] = SHARED | {
        "variant": train(_variant),
        "hidden_size": train(count),
        "init": train(anything),
        "main_stream": train(choice(*STREAMS)),
        "quantile": use(number(0, 1)),
        "channel_dropout": train(flag),
        "context_layers": train(_layers),
        "context_size": train(count),
        "pooling": train(choice("attention", "topk", "probability")),
        "topk_divisor": train(count),
        "class_activation": train(choice("softmax", "sigmoid", "auto")),
        "unlabelled": train(choice("ignore", "background")),
        "optimizer": train(choice("sgd", "adamw")),
        "attention_stream": use(choice("both", *STREAMS)),
        "attention_scale": use(choice("spread", "threshold")),
    }

    def __init__(
        self,
        variant: Variant | type[nn.Module] = "bilinear",
        *,
        hidden_size: int = 128,
        init: Init | SupportsPredict | Mapping[str, Any] = "inherit",
        main_stream: Stream = "temporal",
        streams: Any = None,
        quantile: float = 0.5,
        quantile_momentum: float = 0.9,
        quantile_videos: QuantileVideos = "untrimmed",
        clips_per_video: int | None = 7,
        frames_per_clip: int = 1,
        frames_sampled: int = 3,
        training_window: int | None = None,
        dropout: float = 0.5,
        channel_dropout: bool = False,
        context_layers: int = 0,
        context_size: int = 128,
        pooling: Pooling = "attention",
        topk_divisor: int = 8,
        class_activation: ClassActivation = "softmax",
        unlabelled: Unlabelled = "ignore",
        hide_probability: float = 0.0,
        hide_clips: int = 1,
        attention_softening: float = 3.0,
        video_threshold: float = 0.1,
        when_none_passes: WhenNonePasses = "best",
        localize_classes: Any = None,
        attention_stream: AttentionStream = "both",
        attention_scale: AttentionScale = "spread",
        selection: SupportsSelect | None = None,
        max_epochs: int = 80,
        batch_size: int = 512,
        trimmed_batch_size: int = 8192,
        optimizer: Optimizer = "sgd",
        lr: float = 0.1,
        lr_schedule: LrSchedule = "steps",
        lr_milestones: Any = (0.5, 0.75),
        momentum: float = 0.9,
        weight_decay: float = 5e-4,
        extractor_weight_decay: float | None = None,
        gradient_clip: float | None = 1.0,
        device: str = "auto",
        precision: Precision = "float32",
        compile: bool = False,
        callbacks: Any = None,
        memory: Any = None,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.variant = variant
        self.hidden_size = hidden_size
        self.init = init
        self.main_stream = main_stream
        self.streams = streams
        self.quantile = quantile
        self.quantile_momentum = quantile_momentum
        self.quantile_videos = quantile_videos
        self.clips_per_video = clips_per_video
        self.frames_per_clip = frames_per_clip
        self.frames_sampled = frames_sampled
        self.training_window = training_window
        self.dropout = dropout
        self.channel_dropout = channel_dropout
        self.context_layers = context_layers
        self.context_size = context_size
        self.pooling = pooling
        self.topk_divisor = topk_divisor
        self.class_activation = class_activation
        self.unlabelled = unlabelled
        self.hide_probability = hide_probability
        self.hide_clips = hide_clips
        self.attention_softening = attention_softening
        self.video_threshold = video_threshold
        self.when_none_passes = when_none_passes
        self.localize_classes = localize_classes
        self.attention_stream = attention_stream
        self.attention_scale = attention_scale
        self.selection = selection
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.trimmed_batch_size = trimmed_batch_size
        self.optimizer = optimizer
        self.lr = lr
        self.lr_schedule = lr_schedule
        self.lr_milestones = lr_milestones
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.extractor_weight_decay = extractor_weight_decay
        self.gradient_clip = gradient_clip
        self.device = device
        self.precision = precision
        self.compile = compile
        self.callbacks = callbacks
        self.memory = memory
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    # ------------------------------------------------------------------ training

    @property
    def _knows_background(self) -> bool:
        return self.pooling == "probability"

    def _plan(self, inputs: Inputs) -> Plan:
        inherits = isinstance(self.init, str) and self.init == "inherit" and self._has_parent()
        parent = self._plan_of(self.main_stream, inputs) if inherits else None
        return self._plan_of(self.variant, inputs, parent)

    def _plan_of(self, variant: Any, inputs: Inputs, parent: Plan | None = None) -> Plan:
        """Plan one variant; what it does not read is left at zero."""
        activation = self._activation(inputs)
        criterion, options, attention = criterion_of(
            self.pooling, self.topk_divisor, activation, self.unlabelled
        )
        heads = Heads(
            dropout=self.dropout,
            channel_dropout=self.channel_dropout,
            context_layers=self.context_layers,
            hidden_size=self.context_size if self.context_layers else 0,
            attention=attention,
        )
        return plan_of(
            self,
            inputs,
            variant,
            heads,
            criterion,
            options,
            main_stream=self.main_stream,
            optimizer=self.optimizer,
            parent=parent,
            hidden_size=0 if variant in _WITHOUT_HIDDEN else self.hidden_size,
            dropout=self.dropout,
        )

    @property
    def class_activation_(self) -> str:
        """What `class_activation` came to."""
        check_is_fitted(self)
        return self._activation(Inputs.of(self))

    def _activation(self, inputs: Inputs) -> str:
        n_labels, n_classes = inputs.labels_per_video, inputs.n_classes
        return choose_activation(self.class_activation, n_labels, n_classes, self.topk_divisor)

    def _has_parent(self) -> bool:
        """Tell whether the variant's features begin with those of a main-stream model."""
        if isinstance(self.variant, str) and self.variant in (*SINGLE_STREAM, "two-stream"):
            return False
        return bool(getattr(extractor_class(self.variant), "starts_with_main", False))

    def _train(self, plan: Plan, data: Supervised, seed: int, machine: Machine) -> Model:
        given = isinstance(self.init, str)
        start = None if given else weights_of_parents(self, plan)
        return self._train_from(start, plan, data, seed, machine)

    # ------------------------------------------------------------------ use

    def _read(self, scored: Scored, curves: NDArray[Any]) -> Reading:
        if self.pooling == "probability":
            return read_probabilities(
                scored,
                curves,
                self.topk_divisor,
                self._activation(Inputs.of(self)) == "softmax",
                self.attention_scale,
            )
        by_class = self.pooling == "topk"
        if by_class:
            pooled = cas.pool_top(scored.activations, scored.offsets, self.topk_divisor)
        else:
            pooled = cas.pool_videos(*scored, self.attention_softening)
        return read_models(
            scored,
            curves,
            clip_scores=cas.over_models(cas.softmax(scored.activations)),
            probabilities=cas.video_scores(pooled),
            decision=pooled[:, 0] if pooled.shape[1] == 1 else None,
            by_class=by_class,
            scale=self.attention_scale,
        )

    @property
    def _counting(self) -> Any:
        if self.variant != "two-stream" or self.attention_stream == "both":
            return slice(None)
        return [streams_of(self.variant, self.main_stream).index(self.attention_stream)]

    # ------------------------------------------------------------------ checks

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.pooling != "probability":
            for name, plain in (("class_activation", "softmax"), ("unlabelled", "ignore")):
                if getattr(self, name) != plain:
                    raise ValueError(
                        f"{name}={getattr(self, name)!r} needs pooling='probability', "
                        f"got pooling={self.pooling!r}."
                    )
        if self.training_window is not None and self.context_layers:
            raise ValueError(
                f"training_window={self.training_window} with context_layers="
                f"{self.context_layers}: layers over neighbouring clips need the clips of use."
            )
        check_init(self)


_WITHOUT_HIDDEN = (*SINGLE_STREAM, "two-stream", "fusion")
