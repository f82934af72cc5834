"""Fitted localizers outside of Python, and behind a model server.

===============================  ==================================================================
`export_onnx`                    an ONNX model of one video, with all that `transform` does
`export_torch`                   the same as a program of `torch.export`
`save_mlflow`, `log_mlflow`      an MLflow model: a long table in, a frame of segments out
`FrameLocalizer`                 what stands in it, for other servers
===============================  ==================================================================
"""

from sklearn_asn._doclink import publish
from sklearn_asn.deployment._frames import FrameLocalizer
from sklearn_asn.deployment._mlflow import _load_pyfunc as _load_pyfunc  # MLflow opens it by this
from sklearn_asn.deployment._mlflow import log_mlflow, save_mlflow
from sklearn_asn.deployment._onnx import export_onnx, export_torch

__all__ = ["FrameLocalizer", "export_onnx", "export_torch", "log_mlflow", "save_mlflow"]

publish(__name__, __all__)
