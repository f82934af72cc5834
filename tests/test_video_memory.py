"""Memory of `TwoStreamExtractor`: flat, however long the video is."""

import subprocess
import sys
import textwrap

import pytest

pytest.importorskip("av")
pytest.importorskip("cv2")

from helpers.videos import render, scene

PEAK = """
    import resource, sys
    from sklearn_asn.video import TwoStreamExtractor
    extractor = TwoStreamExtractor(grid=2, flow_method="dis-fast")
    for path in sys.argv[1:]:
        n = len(extractor.transform([path]).values)
        print(n, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="counts in kilobytes only there")
def test_memory_does_not_depend_on_length(tmp_path):
    def pictures(n):
        return scene(n, lambda i: (10 + i % 60, 30), height=64, width=112)

    short = render(tmp_path / "short.mp4", pictures(100))
    long = render(tmp_path / "long.mp4", pictures(1000))
    out = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PEAK), short, long],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    (n_short, before), (n_long, after) = (map(int, line.split()) for line in out.splitlines())
    assert (n_short, n_long) == (8, 80)
    assert (after - before) / 1024 < 6  # the 900 pictures more would be 18 MB in colour
