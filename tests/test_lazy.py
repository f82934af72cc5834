"""What imports torch, and what does not; seen in fresh processes."""

import json
import subprocess
import sys

import pytest
from helpers import processes

WITHOUT = [
    "import sklearn_asn",
    "import sklearn_asn; dir(sklearn_asn)",
    "from sklearn_asn import Clips, ClipsWriter, ClipWise, Segment, Segments",
    "from sklearn_asn.metrics import localization_map",
    "from sklearn_asn.model_selection import TimedSplit, tune",
    "import sklearn_asn; sklearn_asn.selection.NaiveSelection()",
    "import sklearn_asn; sklearn_asn.interchange.write_csv",
    "import sklearn_asn; sklearn_asn.plotting.CASDisplay; sklearn_asn.report",
    "import sklearn_asn; sklearn_asn.datasets.make_untrimmed_videos(n_videos=4, random_state=0)",
    "import sklearn_asn.exceptions",
]


# what all of them import is imported once; each then runs in a fork, as if in a process of its own
FORKS = """
import json, os, sys
import matplotlib.pyplot, numpy, pandas, scipy.special, sklearn.base
assert not {"torch", "skorch", "sklearn_asn"} & set(sys.modules)
for code in json.loads(sys.argv[1]):
    if (child := os.fork()) == 0:
        exec(code, {})
        print(json.dumps([code, sorted({"torch", "skorch"} & set(sys.modules))]), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""


@pytest.fixture(scope="module")
def imported():
    """What each piece of code has imported of torch and skorch."""
    pytest.importorskip("matplotlib")
    command = [sys.executable, "-c", FORKS, json.dumps(WITHOUT)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(map(json.loads, done.stdout.splitlines()))


@pytest.mark.slow
@pytest.mark.parametrize("code", WITHOUT)
def test_no_torch(imported, code):
    assert imported[code] == []


@pytest.mark.slow
def test_modules_are_there_without_an_import_of_their_own():
    names = (
        *("datasets", "exceptions", "interchange", "methods", "metrics", "plotting", "rivals"),
        *("deployment", "model_selection", "saving", "selection", "video"),
    )
    code = "import sklearn_asn as a; " + "; ".join(f"a.{name}" for name in names)
    assert processes.status(processes.start(code)) == 0
