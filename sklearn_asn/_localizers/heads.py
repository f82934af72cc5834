"""Where heads come from: fitted parents (`init`), or weights that are given (`from_heads`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator

from sklearn_asn._checks import check_choice
from sklearn_asn._data.columns import STREAMS, streams_of
from sklearn_asn._data.convert import as_labels
from sklearn_asn._localizers.model import Model
from sklearn_asn._localizers.parameters import trained_with
from sklearn_asn._localizers.planning import Inputs
from sklearn_asn._training.net import blank_weights
from sklearn_asn._training.recipe import Plan

Array = NDArray[Any]
_PARTS = ("classification", "attention")


class GivenHeads:
    """Localizers that can be made of the weights of linear heads, without training."""

    @classmethod
    def from_heads(
        cls,
        heads: Mapping[str, Mapping[str, Any]],
        classes: Any,
        *,
        n_features: int | None = None,
        feature_names: Any = None,
        **parameters: Any,
    ) -> Self:
        """Make a fitted localizer of heads that were trained elsewhere.

        For UntrimmedNet's released weights (fc-action and fc-attention, which read the 1,024
        features of a stream linearly) or those of another framework. Nothing is trained, so no
        quantiles are recorded yet: call `record_quantiles` before a quantile is used.

        Parameters
        ----------
        heads : dict of str to dict
            Of ``"temporal"``, ``"spatial"`` or both: ``{"classification": (weight, bias),
            "attention": (weight, bias)}``, NumPy arrays or torch tensors. Weights have the shapes
            ``(n_classes, n_columns)`` and ``(1, n_columns)`` or ``(n_columns,)``, biases
            ``(n_classes,)`` and one number. Both streams make a two-stream localizer.
        classes : sequence of labels, shape (n_classes,)
            What the rows of the classification are, in their order.
        n_features : int, default=None
            Columns that X will have. None: as many as `feature_names`; or both streams side by
            side (the spatial one first, unless ``streams`` says otherwise), also where one of
            them is read.
        feature_names : sequence of str, default=None
            Names of these columns, where X has names.
        **parameters
            Arguments of the constructor; `variant` follows from `heads`.

        Returns
        -------
        estimator
            Fitted, with no epochs in its history.

        Raises
        ------
        ValueError
            A shape or a name does not fit; the message says what was expected.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_asn import ASNLocalizer
        >>> rng = np.random.default_rng(0)
        >>> head = {"classification": (rng.normal(size=(2, 4)), np.zeros(2)),
        ...         "attention": (rng.normal(size=4), 0.0)}
        >>> localizer = ASNLocalizer.from_heads({"temporal": head}, ["jump", "run"])
        >>> X = [rng.normal(size=(30, 8)) for _ in range(3)]  # temporal columns are the last 4
        >>> localizer.record_quantiles(X).predict(X).shape
        (3,)
        """
        unknown = set(heads) - set(STREAMS) if isinstance(heads, Mapping) else {type(heads)}
        if unknown or not heads:
            raise ValueError(
                f"heads must map 'temporal', 'spatial' or both to weights, got {_shown(heads)}."
            )
        variant = "two-stream" if len(heads) == 2 else next(iter(heads))
        if parameters.setdefault("variant", variant) != variant:
            raise ValueError(
                f"variant={parameters['variant']!r}, but heads of {_shown(heads)} make {variant!r}."
            )
        given = as_labels(classes, "classes")
        known, order = np.unique(given, return_index=True)
        if len(known) < len(given) or len(known) < 2:
            raise ValueError(
                f"classes must be at least two, all different, got {len(given)} of which "
                f"{len(known)} differ."
            )
        read = {stream: _linear(heads[stream], stream, len(known)) for stream in heads}
        estimator: Any = cls(**parameters)
        estimator._check_parameters()
        names = None if feature_names is None else np.asarray(feature_names, dtype=object)
        if n_features is None:
            widths = [head["classification.weight"].shape[1] for head in read.values()]
            n_features = sum(widths) * (3 - len(widths)) if names is None else len(names)
        if names is not None and len(names) != n_features:
            raise ValueError(f"{len(names)} feature_names for n_features={n_features}.")
        plan = estimator._plan(Inputs(n_features, names, len(known))).alone()
        blank = blank_weights(plan)
        weights = dict(blank)
        streams = streams_of(variant, getattr(estimator, "main_stream", "temporal"))
        for i, stream in enumerate(streams[: len(heads)]):
            n_read = len(plan.columns[i])
            for name, value in read[stream].items():
                full = f"models.{i}.{name}"
                if full not in weights:
                    raise ValueError(
                        f"This {cls.__name__} has no linear head {name.split('.')[0]!r}: heads can "
                        "be given to single streams and two-stream with linear attention alone."
                    )
                if value.ndim == 2 and value.shape[1] != n_read:
                    raise ValueError(
                        f"heads[{stream!r}] reads {value.shape[1]} columns, but {n_read} of the "
                        f"{n_features} columns of X are {stream} (see n_features and streams)."
                    )
                weights[full] = value[order] if name.startswith("class") else value
        if any(np.shape(weights[name]) != value.shape for name, value in blank.items()):
            raise ValueError(
                f"This {cls.__name__} is more than linear heads (context_layers, pooling): they "
                "cannot be given."
            )
        estimator.n_features_in_ = n_features
        if names is not None:
            estimator.feature_names_in_ = names
        estimator.classes_, estimator.labels_per_video_ = known, 0.0
        estimator.model_ = Model(plan, weights, [], trained_with(estimator))
        return estimator


def _shown(heads: Any) -> str:
    return str(sorted(map(str, heads))) if isinstance(heads, Mapping) else repr(heads)[:80]


def _linear(head: Any, stream: str, n_classes: int) -> dict[str, Array]:
    """Return the weights of one stream by their names in a network, checked."""
    where = f"heads[{stream!r}]"
    if not isinstance(head, Mapping) or set(head) != set(_PARTS):
        raise ValueError(
            f"{where} must map {_PARTS[0]!r} and {_PARTS[1]!r} to (weight, bias), "
            f"got {_shown(head)}."
        )
    found: dict[str, Array] = {}
    for part, n_rows in zip(_PARTS, (n_classes, 1), strict=True):
        try:
            weight, bias = (_array(value) for value in head[part])
        except (TypeError, ValueError):
            raise ValueError(
                f"{where}[{part!r}] must be two arrays of numbers, weight and bias."
            ) from None
        if part == "attention" and weight.ndim == 1:
            weight = weight[None]
        if weight.ndim != 2 or len(weight) != n_rows or bias.size != n_rows or bias.ndim > 1:
            raise ValueError(
                f"{where}[{part!r}] must have shapes ({n_rows}, n_columns) and ({n_rows},), got "
                f"{weight.shape} and {bias.shape}."
            )
        if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
            raise ValueError(f"{where}[{part!r}] must be finite.")
        found |= {f"{part}.weight": weight, f"{part}.bias": bias.reshape(n_rows)}
    widths = {part: found[f"{part}.weight"].shape[1] for part in _PARTS}
    if len(set(widths.values())) > 1:
        raise ValueError(f"{where}: both heads must read the same columns, got {widths}.")
    return found


def _array(value: Any) -> Array:
    """Copy an array or a tensor, on whatever device, as float32."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    return np.array(value, dtype=np.float32)


# ------------------------------------------------------------------ init


def check_init(estimator: Any) -> None:
    """Check the argument `init`: two words, a fitted localizer, or one a stream."""
    init = estimator.init
    if isinstance(init, str):
        check_choice(init, "init", ("inherit", "scratch"))
        return
    given = isinstance(init, Mapping)
    if given and (estimator.variant != "two-stream" or set(init) != set(STREAMS)):
        raise ValueError(
            f"init gives parents of {_shown(init)}; two-stream takes one of 'temporal' and one of "
            f"'spatial', other variants one localizer (this one is {estimator.variant!r})."
        )
    for parent in init.values() if given else [init]:
        inner = _unfrozen(parent)
        if not isinstance(inner, GivenHeads):
            raise ValueError(
                f"init={parent!r}; expected 'inherit', 'scratch', a fitted ASNLocalizer or a dict "
                "of one a stream."
            )
        if not inner.__sklearn_is_fitted__():  # type: ignore[attr-defined]
            raise ValueError(
                f"init is an {type(inner).__name__} that is not fitted. A fitted one loses its fit "
                "in clone (as in a grid search); wrap it in sklearn.frozen.FrozenEstimator."
            )


def weights_of_parents(estimator: Any, plan: Plan) -> dict[str, Array]:
    """Return the weights that training starts from: those of the estimators given as `init`."""
    streams = streams_of(estimator.variant, estimator.main_stream)
    if not isinstance(estimator.init, Mapping):
        return _weights_of(estimator.init, streams[0], 0, estimator, plan)
    found: dict[str, Array] = {}
    for i, stream in enumerate(streams):
        own = _weights_of(estimator.init[stream], stream, i, estimator, plan)
        found |= {
            name.replace("models.0.", f"models.{i}.", 1): value
            for name, value in own.items()
            if name.startswith("models.0.")
        }
    return found


def _weights_of(given: Any, stream: str, i: int, estimator: Any, plan: Plan) -> dict[str, Array]:
    """Return the weights of one fitted parent, whose stream is the i-th of the plan."""
    parent = _unfrozen(given)
    if parent.variant != stream:
        role = "the main stream" if i == 0 else "this stream"
        raise ValueError(f"init is a fitted {parent.variant!r} model, but {stream!r} is {role}.")
    if not np.array_equal(parent.classes_, estimator.classes_):
        raise ValueError(
            f"init was trained on the classes {parent.classes_.tolist()}, "
            f"y has {estimator.classes_.tolist()}."
        )
    theirs = parent.model_.plan
    n_theirs, n_own = theirs.network["n_main"], len(plan.columns[i])
    if n_theirs != n_own:
        raise ValueError(f"init reads {n_theirs} {stream} columns, X has {n_own}.")
    if theirs.heads != plan.heads:
        raise ValueError(
            f"init has other heads ({theirs.heads}) than this one ({plan.heads}): "
            "context_layers, context_size, pooling and dropout must be the same."
        )
    weights: dict[str, Array] = parent.model_.weights
    return weights


def _unfrozen(parent: Any) -> Any:
    return parent.estimator if isinstance(parent, FrozenEstimator) else parent
