"""An optional package that is not there: every error says who needs it and how to get it."""

import re
import sys

import pytest

from sklearn_asn._optional import need


@pytest.mark.parametrize(
    ("module", "extra", "name", "distribution"),
    [
        ("matplotlib.pyplot", "plot", "matplotlib", "matplotlib"),
        ("cv2", "video", "OpenCV", "opencv-python-headless"),
        ("pympi", "elan", "pympi-ling", "pympi-ling"),
    ],
)
def test_says_what_is_missing_and_how_to_get_it(monkeypatch, module, extra, name, distribution):
    monkeypatch.setitem(sys.modules, module, None)
    says = f"^This needs {name}, which cannot be imported"
    with pytest.raises(ImportError, match=says) as caught:
        need(module, "This", extra)
    message = str(caught.value)
    assert f'pip install "sklearn-asn[{extra}]", or pip install {distribution}.' in message
    assert isinstance(caught.value.__cause__, ImportError)


def test_a_package_that_is_there_but_broken_says_why(monkeypatch, tmp_path):
    (tmp_path / "broken_one.py").write_text("raise ImportError('libGL.so.1: no such file')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportError, match=re.escape("(libGL.so.1: no such file)")):
        need("broken_one", "This", "video")


def test_what_is_there_is_returned():
    assert need("json", "This", "plot").loads("1") == 1
