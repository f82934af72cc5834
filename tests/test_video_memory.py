"""Memory of `TwoStreamExtractor`: flat, however long the video is."""

import sys

import pytest

pytest.importorskip("av")
pytest.importorskip("cv2")

from helpers import processes
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
    long = render(tmp_path / "long.mp4", pictures(700))
    out, err = tmp_path / "out", tmp_path / "err"
    process = processes.start(PEAK, short, long, out=out, err=err, strict=False)
    assert processes.status(process) == 0, err.read_text()
    said = out.read_text().splitlines()
    (n_short, before), (n_long, after) = (map(int, line.split()) for line in said)
    assert (n_short, n_long) == (8, 56)
    assert (after - before) / 1024 < 6  # the 600 pictures more would be 12 MB in colour
