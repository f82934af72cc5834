import gc

import numpy as np
import pytest
from hypothesis import settings

pytest.register_assert_rewrite("helpers")

from helpers import browser, processes  # noqa: E402
from helpers.data import DATA  # noqa: E402

from sklearn_asn.datasets import load_hapt, make_untrimmed_videos  # noqa: E402

collect_ignore = ["data", "helpers"]  # no tests, and no examples, in there

settings.register_profile("no deadline", deadline=None)  # machines differ, and are shared
settings.load_profile("no deadline")


gc.disable()  # while tests are collected, of which all objects stay


def pytest_collection_finish(session):
    """Take the tests themselves, and all modules, out of what the collector looks through."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def videos():
    """Forty short synthetic videos: features and segments."""
    return make_untrimmed_videos(n_videos=40, n_classes=3, random_state=0)


@pytest.fixture(scope="session")
def hapt():
    """Real two-stream recordings, official training people."""
    if not (DATA / "hapt" / "hapt.zip").is_file():
        pytest.skip("the HAPT archive is not beside the repository (../shared/data/hapt/hapt.zip)")
    return load_hapt(DATA / "hapt" / "hapt.zip", subset="train")


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    """One browser for all pages."""
    driver = browser.start(tmp_path_factory.mktemp("chromium"))
    driver.set_window_size(1280, 1000)
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def driver(chromium):
    """The browser, without what the pages of another module have stored in it."""
    yield chromium
    if chromium.current_url.startswith("file:"):  # a page was loaded: all files share one storage
        chromium.execute_script("localStorage.clear()")


@pytest.fixture
def light_processes():
    """Let processes that joblib starts cost no import of torch."""
    with processes.for_joblib():
        yield


@pytest.fixture
def numpy_state():
    """Read NumPy's global generator, to show that it does not move."""
    return lambda: np.random.get_state()[1].copy()  # noqa: NPY002
