"""`export_onnx` and `export_torch`: a fitted localizer without Python, or without this package."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from sklearn_asn._disk.files import write_atomically
from sklearn_asn._optional import need
from sklearn_asn.deployment._module import INPUT, OUTPUTS, exportable, trace

OPSET = 18


def export_onnx(estimator: Any, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a fitted localizer as an ONNX model that reads one video of any number of clips.

    All that `transform` does is in the file: the scaler before the localizer, the choice of
    columns, the network, pooling over the video, and the thresholds as they are set now
    (`quantile`, `video_threshold`, `when_none_passes`, `localize_classes`). To make segments of
    the CAS is left to the caller; a `sklearn_asn.selection` does it without torch.

    Needs torch 2.6 or newer, and ``pip install "sklearn-asn[onnx]"``.

    Parameters
    ----------
    estimator : fitted localizer, or Pipeline that ends with one
        Any localizer of this package; of `AutoLoc`, whose boxes are a selection, the localizer in
        it. Steps before it may be `ClipWise` (or 2-D) scalers, `PCA`, `TruncatedSVD`,
        `Normalizer`, and these in a `ColumnTransformer` or `Pipeline`. Of a search, give its
        ``best_estimator_``.
    path : path
    overwrite : bool, default=False
        Replace a file that is there.

    Returns
    -------
    Path
        The file, which appears whole or not at all.

    Raises
    ------
    TypeError
        A step, or the localizer, is of a class that is not known here; the message says what else
        can be exported.
    NotFittedError
        The estimator is not fitted, or no quantiles are recorded.
    FileExistsError
        The file exists and is not to be replaced.
    ImportError
        onnx or onnxscript is missing, or torch is too old.

    See Also
    --------
    export_torch : The same as a `torch.export.ExportedProgram`.
    sklearn_asn.saving.save_safetensors : A file that becomes an estimator again.

    Notes
    -----
    One input, ``clips``, float32 of shape ``(n_rows, n_features_in_)``: one video. The outputs:

    ================  =======================  ====================================================
    ``cas``           (n_clips, n_classes)     as of `transform`
    ``attention``     (n_clips,)               as of `attention`: compare with ``threshold_``, of
                                               two streams with 1
    ``clip_scores``   (n_clips, n_classes)     the CAS before any threshold
    ``video_scores``  (n_classes,)             what `video_threshold` is compared with: as of
                                               `predict_proba` (of `WTALC`, of `decision_function`)
    ================  =======================  ====================================================

    `n_clips` is `n_rows` over `frames_per_clip`, rounded up. The model's metadata have, as JSON,
    ``classes``, ``frames_per_clip``, ``quantile``, ``attention_threshold``, ``video_threshold``,
    ``feature_names`` and ``sklearn_asn_version``.

    Numbers agree with this package to about 1e-6, and a clip whose attention lies so near to its
    threshold can fall on the other side. A localizer with ``precision="bfloat16"`` is exported in
    single precision. NaN goes through the model without an error: check features before.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn_asn import ASNLocalizer
    >>> from sklearn_asn.datasets import make_untrimmed_videos
    >>> from sklearn_asn.deployment import export_onnx
    >>> X, y = make_untrimmed_videos(n_videos=20, random_state=0)
    >>> localizer = ASNLocalizer("temporal", batch_size=5, max_epochs=2, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:  # doctest: +SKIP
    ...     path = export_onnx(localizer, folder + "/model.onnx")
    ...     session = onnxruntime.InferenceSession(path)
    ...     cas, attention, clip_scores, video_scores = session.run(None, {"clips": X[0]})
    """
    onnx = need("onnx", "export_onnx", "onnx")
    need("onnxscript", "export_onnx", "onnx")
    path = Path(path)
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists; overwrite=True replaces it.")
    given = exportable(estimator)
    with _silence():
        written: Any = torch.onnx.export(
            trace(given),
            (),
            dynamo=True,
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            opset_version=OPSET,
            verbose=False,
        )
    model = written.model_proto
    _name_sizes(model.graph)
    onnx.helper.set_model_props(model, given.about)
    onnx.checker.check_model(model, full_check=True)
    content = model.SerializeToString()
    write_atomically(path, lambda file: file.write(content))
    return path


def export_torch(estimator: Any) -> torch.export.ExportedProgram:
    """Trace a fitted localizer as a program of torch alone, for one video of any number of clips.

    For programs that have torch but not this package, and for what torch makes of such a program
    (AOTInductor, ExecuTorch). Needs torch 2.6 or newer.

    Parameters
    ----------
    estimator : fitted localizer, or Pipeline that ends with one
        As in `export_onnx`.

    Returns
    -------
    torch.export.ExportedProgram
        Its ``module()`` takes a float32 tensor ``(n_rows, n_features_in_)`` and returns the
        tensors CAS, attention, clip scores and video scores, as `export_onnx` explains them.
        `torch.export.save` writes it.

    Raises
    ------
    TypeError, NotFittedError, ImportError
        As `export_onnx`.

    Examples
    --------
    >>> import torch
    >>> from sklearn_asn import ASNLocalizer
    >>> from sklearn_asn.datasets import make_untrimmed_videos
    >>> from sklearn_asn.deployment import export_torch
    >>> X, y = make_untrimmed_videos(n_videos=20, random_state=0)
    >>> localizer = ASNLocalizer("temporal", batch_size=5, max_epochs=2, random_state=0).fit(X, y)
    >>> program = export_torch(localizer).module()  # doctest: +SKIP
    >>> cas, *_ = program(torch.from_numpy(X[0]))  # doctest: +SKIP
    """
    return trace(exportable(estimator))


def _name_sizes(graph: Any) -> None:
    """Name the free sizes, for which the tracer has symbols of its own."""
    sizes = [value.type.tensor_type.shape.dim[0] for value in (graph.input[0], graph.output[0])]
    names = {size.dim_param: name for size, name in zip(sizes, ("n_rows", "n_clips"), strict=True)}
    for value in (*graph.input, *graph.output, *graph.value_info):
        for size in value.type.tensor_type.shape.dim:
            if size.dim_param in names:
                size.dim_param = names[size.dim_param]


@contextmanager
def _silence() -> Iterator[None]:
    """Keep back what the exporter has to say of itself and of packages that are not there."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
