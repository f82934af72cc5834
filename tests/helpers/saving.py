"""Every format in which a localizer can be kept: how to save it, and how to load it."""

import pickle

import joblib
import pytest

from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.saving import SKOPS_TYPES, load_safetensors, save_safetensors

pytest.importorskip("safetensors.numpy")
skops_io = pytest.importorskip("skops.io")

FAST = {"max_epochs": 2, "batch_size": 8, "random_state": 0, "device": "cpu"}


def few_videos():
    """Ten small videos, for models that are saved and not judged."""
    return make_untrimmed_videos(n_videos=10, n_classes=3, n_features=8, random_state=0)


def load_skops(path):
    return skops_io.load(path, trusted=list(SKOPS_TYPES))


SAVERS = {
    "pickle": (
        lambda model, path: path.write_bytes(pickle.dumps(model)),
        lambda path: pickle.loads(path.read_bytes()),
    ),
    "joblib": (joblib.dump, joblib.load),
    "skops": (skops_io.dump, load_skops),
    "safetensors": (save_safetensors, load_safetensors),
}
