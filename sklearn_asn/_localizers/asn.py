"""`ASNLocalizer`: the Action Sensitive Network as an estimator; reads as section 3.3."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from sklearn_asn._checks import check_choice, check_number
from sklearn_asn._data.columns import STREAMS, streams_of
from sklearn_asn._localizers import cas
from sklearn_asn._localizers.base import BaseLocalizer, Scored
from sklearn_asn._training.criteria import PooledCrossEntropy
from sklearn_asn._training.network import SINGLE_STREAM, VARIANTS, Heads
from sklearn_asn._training.recipe import Recipe
from sklearn_asn._training.supervised import Supervised


class ASNLocalizer(BaseLocalizer, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Find when actions happen, from videos of which only the labels are known.

    The Action Sensitive Network: clip features of two streams go through an Action Sensitive
    Extractor (ASE), a classification head and an attention head; softmax attention pools clips
    into videos, which are trained against video-level labels. In use, clips whose attention is
    below a quantile recorded during training are background, and runs of the rest are segments.

    Parameters
    ----------
    variant : {"bilinear", "bottleneck", "fusion", "two-stream", "temporal", "spatial"}, \
            default="bilinear"
        The ASE (section 3.1). ``"temporal"`` and ``"spatial"`` read one stream; ``"two-stream"``
        trains both apart and averages them in use; the others add to the main stream the other
        one as it is (fusion), through a bottleneck, or through a bilinear layer.
    hidden_size : int, default=128
        Units of the bottleneck and bilinear layers.
    init : {"inherit", "scratch"} or fitted single-stream ASNLocalizer, default="inherit"
        Where the heads start. ``"inherit"`` first trains the main stream alone and copies its
        heads (eq. 1); an estimator gives its own (wrap it in
        `sklearn.frozen.FrozenEstimator` to keep it fitted through `clone`, as in a grid search).
        Single streams and ``"two-stream"`` have no parent to train: ``"inherit"`` means
        ``"scratch"`` for them.
    main_stream : {"temporal", "spatial"}, default="temporal"
        The stream that leads.
    streams : dict, default=None
        Columns of each stream: a slice, index array, mask or feature names under the keys
        ``"spatial"`` and ``"temporal"``. None: the first half of the columns (rounded down) is
        spatial, the rest temporal.
    quantile : float in [0, 1], default=0.5
        Share of clips taken as background (section 3.2). It does not enter training: set another
        value on a fitted estimator and it holds at once.
    quantile_momentum : float in [0, 1], default=0.9
        alpha in eq. 2.
    clips_per_video : int or None, default=7
        Random clips of an untrimmed video in a training step; None takes all of them.
    frames_per_clip : int, default=1
        Rows of X averaged into one clip. The last clip of a video averages what is left.
    frames_sampled : int, default=3
        Rows sampled sparsely from each clip in training, at most `frames_per_clip`.
    dropout : float in [0, 1), default=0.5
        Before the bottleneck and bilinear layers and before classification.
    temporal_context : int, default=1
        Width, in clips, of a temporal convolution before the heads; an odd number, 1 is none.
        Not the paper's.
    context_size : int, default=128
        Units of that convolution.
    pooling : {"attention", "topk"}, default="attention"
        How activations of clips make those of a video. ``"topk"``, not the paper's, averages the
        highest of each class (as W-TALC does); a clip's attention is then its largest class
        activation, and in the CAS every class is compared with the threshold by itself.
    topk_divisor : int, default=8
        For ``pooling="topk"``: one in so many clips is averaged, rounded up.
    hide_probability : float in [0, 1), default=0.0
        Share of clips hidden at random in training (Hide-and-Seek). Not the paper's.
    hide_clips : int, default=1
        Neighbouring clips that are hidden together.
    attention_softening : float, default=3.0
        Attention is divided by it for video-level scores.
    video_threshold : float in [0, 1], default=0.1
        Classes whose video-level probability is not above it are not localized; where none is,
        the best class is.
    localize_classes : sequence of labels, default=None
        Classes to localize, of those trained on (20 of THUMOS14's 101, say); None: all. The CAS
        keeps the columns of the others, at zero.
    attention_stream : {"both", "temporal", "spatial"}, default="both"
        Two-stream only: whose attention decides (section 4.3).
    selection : estimator, default=None
        Makes segments of the CAS; None is ``NaiveSelection()``. See `sklearn_asn.selection`.
    max_epochs : int, default=80
    batch_size : int, default=512
        Untrimmed videos in a batch; in use, ``batch_size * clips_per_video`` clips are scored at a
        time.
    trimmed_batch_size : int, default=8192
        Trimmed videos in a batch.
    lr : float, default=0.1
        Learning rate of stochastic gradient descent.
    lr_milestones : sequence of float, default=(0.5, 0.75)
        Shares of `max_epochs` after which the learning rate falls tenfold.
    momentum : float in [0, 1), default=0.9
        Nesterov momentum.
    weight_decay : float, default=5e-4
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
        Copied for every fit.
    memory : str or joblib.Memory, default=None
        Caches trainings by data, training parameters and seed. `quantile`, `selection` and the
        thresholds are not among these, so searching over them trains once; so does the inherited
        main-stream model. Processes can share it: of several that want the same training, one
        trains. Features on disk count by path, size and time of their file.
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
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Where X had names.
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
    >>> localizer = ASNLocalizer(variant="temporal", max_epochs=20, random_state=0).fit(X, y)
    >>> found = localizer.predict(X)
    >>> len(found) == len(X)
    True
    """

    def __init__(
        self,
        variant: str = "bilinear",
        *,
        hidden_size: int = 128,
        init: Any = "inherit",
        main_stream: str = "temporal",
        streams: Any = None,
        quantile: float = 0.5,
        quantile_momentum: float = 0.9,
        clips_per_video: int | None = 7,
        frames_per_clip: int = 1,
        frames_sampled: int = 3,
        dropout: float = 0.5,
        temporal_context: int = 1,
        context_size: int = 128,
        pooling: str = "attention",
        topk_divisor: int = 8,
        hide_probability: float = 0.0,
        hide_clips: int = 1,
        attention_softening: float = 3.0,
        video_threshold: float = 0.1,
        localize_classes: Any = None,
        attention_stream: str = "both",
        selection: Any = None,
        max_epochs: int = 80,
        batch_size: int = 512,
        trimmed_batch_size: int = 8192,
        lr: float = 0.1,
        lr_milestones: Any = (0.5, 0.75),
        momentum: float = 0.9,
        weight_decay: float = 5e-4,
        gradient_clip: float | None = 1.0,
        device: str = "auto",
        precision: str = "float32",
        compile: bool = False,
        callbacks: Any = None,
        memory: Any = None,
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
        self.clips_per_video = clips_per_video
        self.frames_per_clip = frames_per_clip
        self.frames_sampled = frames_sampled
        self.dropout = dropout
        self.temporal_context = temporal_context
        self.context_size = context_size
        self.pooling = pooling
        self.topk_divisor = topk_divisor
        self.hide_probability = hide_probability
        self.hide_clips = hide_clips
        self.attention_softening = attention_softening
        self.video_threshold = video_threshold
        self.localize_classes = localize_classes
        self.attention_stream = attention_stream
        self.selection = selection
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.trimmed_batch_size = trimmed_batch_size
        self.lr = lr
        self.lr_milestones = lr_milestones
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.gradient_clip = gradient_clip
        self.device = device
        self.precision = precision
        self.compile = compile
        self.callbacks = callbacks
        self.memory = memory
        self.random_state = random_state
        self.verbose = verbose

    # ------------------------------------------------------------------ training

    def _train_all(self, data: Supervised, seed: int) -> None:
        main, *others = streams_of(self.variant, self.main_stream)
        self._columns = self._resolve_columns((main, *others))
        parent = self._parent_weights(data, main, seed)
        self._train_one(data, seed, self._recipe_of(self.variant), parent)

    def _parent_weights(self, data: Supervised, main: str, seed: int) -> Any:
        """Weights of the trained main-stream model whose heads are inherited, if any are."""
        if not isinstance(self.init, str):
            return self._given_parent(main)
        if self.init == "scratch" or self.variant in (*SINGLE_STREAM, "two-stream"):
            return None
        self._progress.n_trainings = 2
        bags = data.bags(self._columns[:1], self.frames_per_clip)
        trained, _ = self._train(self._recipe_of(main), bags, seed)
        return trained.weights

    def _given_parent(self, main: str) -> Any:
        parent = self.init.estimator if isinstance(self.init, FrozenEstimator) else self.init
        if parent.variant != main:
            raise ValueError(
                f"init is a fitted {parent.variant!r} model, but {main!r} is the main stream."
            )
        if not np.array_equal(parent.classes_, self.classes_):
            raise ValueError(
                f"init was trained on the classes {parent.classes_.tolist()}, "
                f"y has {self.classes_.tolist()}."
            )
        n_main = parent._recipe.network["n_main"]
        if n_main != len(self._columns[0]):
            raise ValueError(f"init reads {n_main} {main} columns, X has {len(self._columns[0])}.")
        if parent._recipe.heads != self._heads():
            raise ValueError(
                f"init has other heads ({parent._recipe.heads}) than this one ({self._heads()}): "
                "temporal_context, context_size, pooling and dropout must be the same."
            )
        return parent._trained.weights

    def _heads(self) -> Heads:
        return Heads(
            dropout=self.dropout,
            context=self.temporal_context,
            context_size=self.context_size if self.temporal_context > 1 else 0,
            attention="max" if self.pooling == "topk" else "linear",
        )

    def _recipe_of(self, variant: str) -> Recipe:
        """Collect what training depends on; what a variant does not read is left at zero."""
        network = self._network(
            variant,
            self._heads(),
            hidden_size=self.hidden_size if variant in ("bottleneck", "bilinear") else 0,
            dropout=self.dropout,
        )
        divisor = self.topk_divisor if self.pooling == "topk" else 0
        return self._make_recipe(
            network, PooledCrossEntropy, pooling=self.pooling, topk_divisor=divisor
        )

    # ------------------------------------------------------------------ use

    def attention(self, X: Any) -> Any:
        """Return raw attention of every clip: a list of ``(n_clips,)`` (one array for 2-D X).

        Clips below `threshold_` are background. For two-stream with ``attention_stream="both"``
        it is the mean of both streams' attention, each relative to its own threshold, and 1 is
        the limit.
        """
        return super().attention(X)

    @property
    def threshold_(self) -> Any:
        """Running attention quantile at the level `quantile`."""
        check_is_fitted(self)
        check_number(self.quantile, "quantile", 0, 1)
        curves = np.atleast_2d(self.attention_quantiles_)
        values = np.array([np.interp(self.quantile, self.quantile_levels_, c) for c in curves])
        return values if self.variant == "two-stream" else float(values[0])

    def _pool(self, scored: Scored) -> NDArray[Any]:
        """Return video-level class activations, by the pooling of the training."""
        if self._recipe.criterion_options["pooling"] == "topk":
            divisor = self._recipe.criterion_options["topk_divisor"]
            return cas.pool_top(scored.activations, scored.offsets, divisor)
        return cas.pool_videos(*scored, self.attention_softening)

    def _active(self, scored: Scored) -> NDArray[np.bool_]:
        """Tell where attention reaches its quantile: the criterion of section 3.2."""
        return self._reaches(self._evidence(scored), np.atleast_1d(self.threshold_))

    def _combined_attention(self, scored: Scored) -> NDArray[Any]:
        if self.variant != "two-stream":
            return scored.attention[:, 0]
        if self.attention_stream == "both":
            return cas.relative_attention(scored.attention, self.threshold_)
        return scored.attention[:, self._attention_models][:, 0]

    @property
    def _attention_models(self) -> Any:
        if self.variant != "two-stream" or self.attention_stream == "both":
            return slice(None)
        return [streams_of(self.variant, self.main_stream).index(self.attention_stream)]

    # ------------------------------------------------------------------ checks

    def _check_parameters(self) -> None:
        check_choice(self.variant, "variant", VARIANTS)
        check_choice(self.main_stream, "main_stream", STREAMS)
        check_choice(self.pooling, "pooling", ("attention", "topk"))
        check_choice(self.precision, "precision", ("float32", "bfloat16"))
        if not isinstance(self.compile, bool | np.bool_):
            raise ValueError(f"compile={self.compile!r}; expected True or False.")
        super()._check_parameters()
        self._check_init()

    def _check_init(self) -> None:
        if isinstance(self.init, str):
            check_choice(self.init, "init", ("inherit", "scratch"))
            return
        parent = self.init.estimator if isinstance(self.init, FrozenEstimator) else self.init
        if not isinstance(parent, ASNLocalizer):
            raise ValueError(
                f"init={self.init!r}; expected 'inherit', 'scratch' or a fitted ASNLocalizer."
            )
        if not parent.__sklearn_is_fitted__():
            raise ValueError(
                "init is an ASNLocalizer that is not fitted. A fitted one loses its fit in clone "
                "(as in a grid search); wrap it in sklearn.frozen.FrozenEstimator."
            )

    def _check_use_parameters(self) -> None:
        super()._check_use_parameters()
        check_number(self.quantile, "quantile", 0, 1)
        check_number(self.attention_softening, "attention_softening", 0, open_low=True)
        check_choice(self.attention_stream, "attention_stream", ("both", *STREAMS))
