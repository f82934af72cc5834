"""
From video files to segments
============================

Sixty short videos, which the script renders itself: before a still backdrop somebody strolls about
all the time, and now and then something happens: a disc slides to and fro, a disc bounces, or a
lamp glows. Training is told which of the three each video shows, never when. No network is
downloaded: colours, gradients and optical flow are described classically.

Needs ``pip install "sklearn-asn[video,plot]"``. Run it with ``python examples/plot_video.py``; it
prints the mAP and saves a picture beside itself. With videos of your own, start at the second part.
"""

# %%
# Videos, and what happens in them. Actions last 2 to 4 seconds, at random places and moments; half
# of the videos show two kinds, and some actions overlap.

import tempfile
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, ClipWise, Segments, report
from sklearn_asn.metrics import average_precision_table, localization_map
from sklearn_asn.plotting import CASDisplay
from sklearn_asn.video import TwoStreamExtractor

WIDTH, HEIGHT, FPS, SECONDS = 160, 120, 15, 18
ACTIONS = ("bounce", "glow", "slide")


def draw(picture, action, since, place, pace, colour):
    """Draw one action, `since` seconds after its start."""
    x, y = place
    swing = np.sin(2 * np.pi * pace * since)
    if action == "slide":
        cv2.circle(picture, (int(x + 24 * swing), int(y)), 12, colour, -1)
    elif action == "bounce":
        cv2.circle(picture, (int(x), int(y - 24 * abs(swing) + 12)), 12, colour, -1)
    else:
        cv2.circle(picture, (int(x), int(y)), 12, (240, int(150 + 70 * swing), 20), -1)


def render(path, rng):
    """Write one video; returns its segments."""
    kinds = rng.choice(ACTIONS, rng.integers(1, 3), replace=False)
    happening = []
    for action in [*kinds, rng.choice(kinds)][: rng.integers(2, 4)]:
        start = rng.uniform(0, SECONDS - 4)
        same = [h for h in happening if h[0] == action and abs(h[1] - start) < 5]
        if not same:
            place = rng.uniform([40, 40], [WIDTH - 40, HEIGHT - 40])
            colour = tuple(int(v) for v in rng.integers(30, 180, 3))
            length, pace = rng.uniform(2, 4), rng.uniform(0.7, 1.1)
            happening.append((action, start, start + length, place, pace, colour))
    backdrop = cv2.resize(rng.integers(90, 170, (6, 8, 3), dtype=np.uint8), (WIDTH, HEIGHT))
    walker = rng.uniform([20, 20], [WIDTH - 20, HEIGHT - 20])
    way = rng.normal(0, 1, 2)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.bit_rate = 1_000_000
        for i in range(SECONDS * FPS):
            way = 0.9 * way + rng.normal(0, 0.4, 2)
            walker = np.clip(walker + way, 10, [WIDTH - 10, HEIGHT - 10])
            picture = backdrop.copy()
            x, y = (int(v) for v in walker)
            cv2.rectangle(picture, (x - 6, y - 10), (x + 6, y + 10), (70, 80, 90), -1)
            for action, start, end, place, pace, colour in happening:
                if start <= i / FPS < end:
                    draw(picture, action, i / FPS - start, place, pace, colour)
            noise = cv2.randn(np.empty(picture.shape, np.int16), 0, 6)
            noisy = np.clip(picture + noise, 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(noisy, format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return [(str(action), start, end) for action, start, end, *_ in happening]


rng = np.random.default_rng(1)  # the settings below were chosen with another seed
cv2.setRNGSeed(1)
folder = tempfile.TemporaryDirectory()
paths = [Path(folder.name) / f"video{i:02d}.mp4" for i in range(60)]
truth = [render(path, rng) for path in paths]
labels = [{label for label, *_ in video} for video in truth]
print(len(paths), "videos; the first shows", sorted(labels[0]))

# %%
# Features: a row for each half second. With networks of your own in place of the classical
# descriptors: ``TwoStreamExtractor(backbone_rgb=..., backbone_flow=...)``. With so few videos, and
# actions anywhere in the picture, it is described as a whole (``grid=1``).

extractor = TwoStreamExtractor(clip_seconds=0.5, flow_method="dis-fast", grid=1)
X = extractor.transform(paths)
y = Segments.from_list(truth)
print(X)
print("columns:", extractor.streams_)

# %%
# Training on forty videos and their labels. `streams_` tells which columns are which. Actions fill
# about a fifth of a video each, so a video is judged by a fifth of its clips (``pooling="topk"``).

train, test = np.arange(40), np.arange(40, 60)
model = make_pipeline(
    ClipWise(StandardScaler()),
    ASNLocalizer(
        "fusion",
        streams=extractor.streams_,
        hidden_size=32,
        quantile=0.6,
        pooling="topk",
        topk_divisor=5,
        clips_per_video=18,
        weight_decay=0.02,
        batch_size=16,
        max_epochs=120,
        random_state=0,
    ),
)
model.fit(X[train], [labels[i] for i in train])

# %%
# Use: segments in seconds of the file, each with a score.

found = model.predict(X[test])
for segment in found[0]:
    print(f"{segment.label} from {segment.start:.1f} to {segment.end:.1f} s ({segment.score:.2f})")

tious = (0.1, 0.3, 0.5, 0.7)
for tiou, value in zip(tious, localization_map(y[test], found, tious), strict=True):
    print(f"mAP at tIoU {tiou}: {value:.3f}")
print(average_precision_table(y[test], found, tious).round(2))

# %%
# One video: attention with its threshold, the CAS, and the segments against the truth.

display = CASDisplay.from_estimator(model, X[test], y[test], video=0)
path = Path(globals().get("__file__", "plot_video.py")).with_name("video.png")
display.figure_.savefig(path, dpi=120)
print("saved", path)

# %%
# A page to look at: every video's timeline, and a click on a segment plays the file from there.

page = report(
    model,
    X[test],
    y[test],
    path=Path(folder.name) / "report.html",
    videos=[paths[i] for i in test],
)
print(f"{page.name}: {page.stat().st_size // 1024} kB beside the videos, {len(test)} timelines")

folder.cleanup()
