"""Whether an installed package works, without its extras: every module, and one small job."""

import importlib
import sys
from pathlib import Path

import sklearn_asn
from sklearn_asn import localization_pipeline
from sklearn_asn.datasets import make_untrimmed_videos

place = Path(sklearn_asn.__file__)
assert "site-packages" in place.parts, f"not the installed package: {place}"
assert (place.parent / "py.typed").exists(), "the types are not shipped"
needs_extras = {"video"}  # PyAV and OpenCV, where a video is read; the module itself may import
for name in sorted(set(dir(sklearn_asn)) - needs_extras):
    if not name.startswith("_"):
        getattr(sklearn_asn, name)
importlib.import_module("sklearn_asn.video")

X, y = make_untrimmed_videos(n_videos=24, n_classes=3, random_state=0)
labels = [{segment.label for segment in video} for video in y]
model = localization_pipeline(X[:16], effort="one-fit", random_state=0).fit(X[:16], labels[:16])
found = model.predict(X[16:])
assert len(found) == 8
assert len(found.to_frame()), "nothing was found"
print("sklearn_asn", sklearn_asn.__version__, "works on Python", sys.version.split()[0])
