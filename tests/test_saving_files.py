"""Files kept from every version, and what the guide to saving says."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator
from sklearn.exceptions import InconsistentVersionWarning

pytest.importorskip("safetensors.numpy")
pytest.importorskip("skops.io")

from helpers.saving import SAVERS

from sklearn_asn import Clips

KEPT = Path(__file__).parent / "data"
VERSIONS = sorted(p.stem.removeprefix("expected-") for p in KEPT.glob("expected-*.npz"))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("stem", ["localizer", "pipeline"])
@pytest.mark.parametrize("suffix", ["joblib", "skops", "safetensors"])
def test_a_kept_file_opens_and_says_what_it_said(version, stem, suffix):
    file = KEPT / f"{stem}-{version}.{suffix}"
    if not file.exists():
        pytest.skip("no such kind in that version")
    expected = np.load(KEPT / f"expected-{version}.npz")
    X = Clips.from_list(
        np.split(expected["values"], np.cumsum(expected["lengths"])[:-1]),
        clip_seconds=1.0,
        feature_names=expected["feature_names"].tolist(),
    )
    with warnings.catch_warnings():
        if stem == "pipeline":  # its StandardScaler, under another scikit-learn
            warnings.simplefilter("ignore", InconsistentVersionWarning)
        model = SAVERS[suffix][1](file)
    assert_allclose(model.predict_proba(X), expected[f"{stem}_proba"], atol=1e-5)
    assert_allclose(np.concatenate(model.transform(X)), expected[f"{stem}_cas"], atol=1e-5)
    found = model.predict(X)
    assert_array_equal(found.video, expected[f"{stem}_video"])
    assert_array_equal(found.label.astype(str), expected[f"{stem}_label"])
    times = np.stack([found.start, found.end, found.score], axis=1)
    assert_allclose(times, expected[f"{stem}_times"], atol=1e-5)


def test_the_first_version_is_kept():
    assert "0.1.0" in VERSIONS
    assert len(list(KEPT.glob("*-0.1.0.*"))) == 6


def test_only_our_own_classes_can_be_made():
    from sklearn_asn.saving import _ALLOWED

    assert all(issubclass(c, BaseEstimator) for c in _ALLOWED.values())
    assert {c.__module__.split(".")[0] for c in _ALLOWED.values()} == {"sklearn_asn"}


@pytest.mark.slow
@pytest.mark.docs
def test_the_guide_runs(tmp_path, monkeypatch):
    guide = Path(__file__).parents[1] / "docs" / "saving.md"
    monkeypatch.chdir(tmp_path)
    blocks = [part.split("```")[0] for part in guide.read_text().split("```python\n")[1:]]
    names: dict = {}
    for block in blocks:
        exec(block, names)
    assert len(blocks) == 4
