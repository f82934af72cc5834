"""What imports torch, and what does not; seen in fresh processes."""

import subprocess
import sys

import pytest

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


@pytest.mark.slow
@pytest.mark.parametrize("code", WITHOUT)
def test_no_torch(code):
    check = "import sys; print(sorted({'torch', 'skorch'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; {check}"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_modules_are_there_without_an_import_of_their_own():
    names = (
        *("datasets", "exceptions", "interchange", "methods", "metrics", "plotting", "rivals"),
        *("deployment", "model_selection", "saving", "selection", "video"),
    )
    code = "import sklearn_asn as a; " + "; ".join(f"a.{name}" for name in names)
    subprocess.run([sys.executable, "-c", code], check=True)
