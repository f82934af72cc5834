"""Mistakes at the public boundary say what is wrong: no raw error of NumPy, torch or pandas."""

import re
import warnings

import numpy as np
import pytest
from boundary_cases import ROWS
from helpers.boundary import FILES, X, asn_, data, model, y

from sklearn_asn import ASNLocalizer, Segments
from sklearn_asn.exceptions import FewStepsWarning, NothingSharedWarning, UnseenClassWarning
from sklearn_asn.metrics import localization_map

#: How errors begin, or what they hold, that come from below.
RAW = re.compile(
    "not iterable|could not convert string|has no attribute|not supported between|inhomogeneous"
    "|expected str, bytes or os.PathLike|argument should be a str|has no len|unhashable"
    "|invalid literal|not understood|indices must be|got an unexpected keyword|np\\.(str|float|int)"
    "|not subscriptable|unsupported operand|array=nan"
)


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("boundary")
    for name, text in FILES.items():
        (folder / name).write_text(text)
    data(), model()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("call", "error", "named"), [pytest.param(c, e, n, id=i) for i, c, e, *n in ROWS]
)
def test_a_mistake_is_named(call, error, named):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(error) as caught:
            call()
    text = str(caught.value)
    assert [part for part in named if part not in text] == [], text
    assert not RAW.search(text), text


def test_there_are_many():
    assert len(ROWS) >= 220
    assert len({row[0] for row in ROWS}) == len(ROWS)


def test_a_batch_that_makes_one_step():
    one = ASNLocalizer("temporal", clips_per_video=4, max_epochs=3, random_state=0, device="cpu")
    with pytest.warns(FewStepsWarning, match=r"12 videos .*batch_size=512.*3 of them.*batch_size"):
        one.fit(X(), y())


def test_a_typo_of_a_label_shows_the_known_ones():
    found = model().predict(X())
    typo = Segments(y().offsets, [f"{v[:-2]}{v[-1]}" for v in y().label], y().start, y().end)
    known = r"'class0', 'class1'.*known are 'class_0', 'class_1'; 'class0' may mean 'class_0'"
    with (
        pytest.warns(UnseenClassWarning, match=known),
        pytest.warns(NothingSharedWarning, match=r"\['class_0', 'class_1'\] against \['class0'"),
    ):
        model().score(X(), typo)
    with pytest.warns(NothingSharedWarning, match="class0"):
        localization_map(typo, found)
    with pytest.warns(UnseenClassWarning, match="1 of the 2 .*'clas_0'.*may mean 'class_0'"):
        model().score(X(), [*[{"class_1"}] * 11, {"clas_0"}])


def test_an_estimator_is_as_it_was_after_a_mistake():
    estimator = asn_(callbacks=print)
    before = dict(vars(estimator))
    with pytest.raises(ValueError, match="callbacks"):
        estimator.fit(X(), y())
    assert vars(estimator) == before
    assert np.isfinite(model().score(X(), y()))
