"""What a GPU must give: the CPU's results. Skipped where there is none."""

import pickle

import numpy as np
import pytest
import torch

from sklearn_asn import ASNLocalizer
from sklearn_asn.datasets import make_untrimmed_videos

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


@pytest.fixture(scope="module")
def videos():
    return make_untrimmed_videos(n_videos=60, random_state=0)


def fitted(videos, variant, **parameters):
    # without dropout: the two devices draw other random numbers
    model = ASNLocalizer(variant, dropout=0.0, hidden_size=16, max_epochs=10, random_state=0)
    return model.set_params(**parameters).fit(*videos)


@pytest.mark.parametrize("variant", ["temporal", "two-stream", "fusion", "bottleneck", "bilinear"])
def test_training_and_use_equal_the_cpus(videos, variant):
    X, _ = videos
    cpu, gpu = (fitted(videos, variant, device=device) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(gpu.attention_quantiles_, cpu.attention_quantiles_, atol=1e-4)
    np.testing.assert_allclose(gpu.predict_proba(X), cpu.predict_proba(X), atol=1e-4)
    for a, b in zip(gpu.attention(X), cpu.attention(X), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4, rtol=1e-4)


def test_data_are_resident(videos, monkeypatch):
    from sklearn_asn._training.table import Table

    moved = []
    original = Table.hold_on
    monkeypatch.setattr(Table, "hold_on", lambda t, d: (original(t, d), moved.append(t))[0])
    fitted(videos, "temporal", device="cuda")
    assert all(table.is_resident for table in moved)


@pytest.mark.parametrize("parameters", [{"precision": "bfloat16"}, {"compile": True}])
def test_options_stay_near_the_plain_result(videos, parameters):
    X, _ = videos
    plain = fitted(videos, "bottleneck", device="cuda")
    other = fitted(videos, "bottleneck", device="cuda", **parameters)
    np.testing.assert_allclose(other.predict_proba(X), plain.predict_proba(X), atol=0.05)


def test_a_model_trained_on_the_gpu_opens_anywhere(videos, monkeypatch):
    X, _ = videos
    model = fitted(videos, "temporal", device="cuda")
    want = model.predict_proba(X)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_allclose(again.predict_proba(X), want, atol=1e-4)
