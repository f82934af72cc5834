"""Read by type checkers, never run: what they must refuse (``# E``), and what they must know."""

from typing import Any, assert_type

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_asn import ASNLocalizer, Clips, ClipWise, Segments, SelfTrainingLocalizer
from sklearn_asn.datasets import align, load_activitynet, read_table
from sklearn_asn.interchange import read_csv, read_dcase
from sklearn_asn.metrics import localization_map
from sklearn_asn.rivals import STPN, WTALC, UntrimmedNet
from sklearn_asn.selection import NaiveSelection

videos: list[NDArray[np.float32]] = []
labels: list[set[str]] = []
flat: NDArray[np.float64] = np.zeros((3, 4))
clips = Clips.from_list(videos, clip_seconds=0.5)

# ---- what is right
ASNLocalizer("bilinear", pooling="topk", selection=NaiveSelection(), quantile=0.4)
ASNLocalizer(init=ASNLocalizer("temporal").fit(clips, labels))
localizer = ASNLocalizer("single", optimizer="adamw")
assert_type(localizer.fit(videos, labels), ASNLocalizer)
assert_type(localizer.fit({"a": flat}, {"a": {"run"}}), ASNLocalizer)
assert_type(localizer.predict(clips), Segments)
assert_type(localizer.predict([[[1.0, 2.0]]]), Segments)
assert_type(localizer.predict(pd.DataFrame({"a": [1.0]})), Segments)
assert_type(localizer.transform(clips), list[NDArray[Any]])
assert_type(localizer.transform(videos), list[NDArray[Any]])
assert_type(localizer.transform({"a": flat}), list[NDArray[Any]])
assert_type(localizer.transform(flat), list[NDArray[Any]] | NDArray[Any])
assert_type(localizer.attention(clips), list[NDArray[Any]])
assert_type(localizer.predict_proba(clips), NDArray[Any])
assert_type(localizer.score(clips, labels, sample_weight=[1.0]), float)
assert_type(SelfTrainingLocalizer([("a", localizer)]).predict(videos), Segments)
assert_type(ClipWise(None).transform(clips), Clips)
assert_type(ClipWise(None).fit_transform(videos), Clips)
assert_type(clips[0], NDArray[Any])
assert_type(clips[:2], Clips)
assert_type(read_csv("a.csv"), Segments)
assert_type(read_dcase("a.txt", on_invalid="drop"), Segments)

# ---- what is wrong
ASNLocalizer(variant="Bilinear")  # E
ASNLocalizer("fusion", pooling="top")  # E
ASNLocalizer(optimizer="adam")  # E
ASNLocalizer(init="Inherit")  # E
ASNLocalizer(main_stream="rgb")  # E
ASNLocalizer(attention_stream="main")  # E
ASNLocalizer(lr_schedule="linear")  # E
ASNLocalizer(precision="float16")  # E
ASNLocalizer(when_none_passes="none")  # E
ASNLocalizer(selection="naive")  # E
ASNLocalizer(quantile="0.5")  # E
WTALC(variant="two-stream")  # E
STPN("fusion")  # E
UntrimmedNet(clip_selection="top")  # E
localizer.fit("features", labels)  # E
localizer.fit(videos, 3)  # E
localizer.predict("a.mp4")  # E
localizer.predict(["a.mp4", "b.mp4"])  # E
localizer.predict(3)  # E
localizer.predict(iter(videos))  # E
localizer.transform("a.mp4")  # E
localizer.predict_proba(b"a")  # E
localizer.score(clips, None)  # E
localizer.record_quantiles("a.mp4")  # E
localizer.transform(clips).mean()  # E
localizer.predict(clips).to_fram()  # E
ClipWise(None).transform("a.mp4")  # E
Clips.from_list("a.npy")  # E
localization_map(labels, labels, protocol="activity")  # E
read_csv("a.csv", on_invalid="skip")  # E
align(clips, clips, on_missing="empty")  # E
load_activitynet("a.json", subset="val")  # E
read_table("a.csv", unit="hours")  # E
