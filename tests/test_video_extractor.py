"""`TwoStreamExtractor`: files in, `Clips` out."""

import importlib
import pickle
import sys
import warnings
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

av = pytest.importorskip("av")
cv2 = pytest.importorskip("cv2")

from helpers.videos import halved, noise, plain, render, scene, with_matrix  # noqa: E402

from sklearn_asn import ASNLocalizer, Clips, ClipWise  # noqa: E402
from sklearn_asn.video import TwoStreamExtractor  # noqa: E402

STILL = 16  # the bin of what does not move, in each cell's flow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three short videos: still, then moving to the right for a second, then still."""
    path = tmp_path_factory.mktemp("videos")
    for k in range(3):
        pictures = scene(75, lambda i: (10 + 2 * np.clip(i - 25, 0, 25), 20 + 10 * k), seed=k)  # noqa: B023
        render(path / f"video{k}.mp4", pictures)
    return path


@pytest.fixture(scope="module")
def paths(folder):
    return sorted(map(str, folder.glob("*.mp4")))


def flow_cells(clips, extractor, video=0):
    values = clips[video][:, extractor.streams_["temporal"]]
    return values.reshape(len(values), -1, 20)


class Mean(torch.nn.Module):
    """Means over the picture: a backbone whose features say what it was given."""

    def __init__(self):
        super().__init__()
        self.drop = torch.nn.Dropout(0.5)
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, x):
        return self.drop(x.mean(dim=(2, 3)) * self.weight)


class Map(torch.nn.Module):
    def __init__(self, channels):
        super().__init__()
        torch.manual_seed(0)
        self.conv = torch.nn.Conv2d(channels, 5, 7, stride=7)
        self.norm = torch.nn.BatchNorm2d(5)

    def forward(self, x):
        return torch.relu(self.norm(self.conv(x)))


def standard_deviation(batch):
    return batch.std(dim=(2, 3))


# ---------------------------------------------------------------------- classical, and time


def test_classical_features(paths):
    extractor = TwoStreamExtractor()
    clips = extractor.fit_transform(paths)
    assert isinstance(clips, Clips)
    assert clips.values.dtype == np.float32
    assert clips.lengths.tolist() == [6, 6, 6]
    assert clips.clip_seconds.tolist() == [0.5] * 3
    assert clips.start_seconds.tolist() == [0] * 3
    assert list(clips.ids) == ["video0", "video1", "video2"]
    assert clips.feature_names.tolist() == extractor.get_feature_names_out().tolist()
    assert clips.feature_names[[0, 179, 180, -1]].tolist() == ["rgb0", "rgb179", "flow0", "flow179"]
    assert extractor.streams_ == {"spatial": slice(0, 180), "temporal": slice(180, 360)}


def test_motion_is_found_when_it_happens(paths):
    extractor = TwoStreamExtractor(grid=1)
    clips = extractor.transform(paths)
    cells = flow_cells(clips, extractor)[:, 0]
    moves = cells[:, STILL] < 0.99
    assert moves.tolist() == [False, False, True, True, False, False]
    assert np.all(cells[2:4, :16].argmax(axis=1) % 8 == 0)  # to the right


def test_motion_is_found_when_it_happens_with_a_variable_rate_and_a_late_start(tmp_path):
    # 25 frames a second, but 5 a second while nothing moves, from 2 s on
    still = np.arange(5) / 5
    times = 2 + np.r_[still, 1 + np.arange(25) / 25, 2 + still]
    moved = np.r_[np.zeros(5), np.arange(25), np.full(5, 24)]
    path = render(tmp_path / "a.mkv", scene(35, lambda i: (10 + 2 * moved[i], 30)), times)
    extractor = TwoStreamExtractor(grid=1)
    clips = extractor.transform([path])
    assert clips.start_seconds[0] == pytest.approx(2, abs=1e-3)
    assert len(clips[0]) == 6
    moves = flow_cells(clips, extractor)[:, 0, STILL] < 0.99
    assert moves.tolist() == [False, False, True, True, False, False]


def test_a_video_turned_by_its_matrix_moves_the_other_way(tmp_path):
    path = tmp_path / "a.mp4"
    render(path, scene(25, lambda i: (10 + 2 * i, 30)))
    with_matrix(path, 0, 1, -1, 0)  # clockwise: what went to the right goes down
    extractor = TwoStreamExtractor(grid=1)
    cells = flow_cells(extractor.transform([path]), extractor)[:, 0]
    assert np.all(cells[:, :16].argmax(axis=1) % 8 == 2)


def test_a_change_of_colour_is_found_when_it_happens(tmp_path):
    pictures = [np.full((48, 64, 3), (200, 30, 30) if i < 30 else (30, 30, 200)) for i in range(50)]
    path = render(tmp_path / "a.mp4", [p.astype(np.uint8) for p in pictures], fps=20)
    clips = TwoStreamExtractor(backbone_flow="drop", grid=1, clip_seconds=0.25).transform([path])
    assert clips.n_features == 20
    assert (clips[0][:, 0] > 0.5).tolist() == [True] * 6 + [False] * 4


def test_one_frame(tmp_path):
    path = render(tmp_path / "a.mp4", plain(1))
    extractor = TwoStreamExtractor(frames_per_clip=3)
    clips = extractor.transform([path])
    assert clips.lengths.tolist() == [1]
    assert np.all(flow_cells(clips, extractor)[0, :, STILL] == 1)


def test_options_that_change_time(tmp_path):
    path = render(tmp_path / "a.ts", plain(50), codec="libx264")
    clips = TwoStreamExtractor(grid=1).transform([path])
    assert clips.start_seconds[0] > 0
    clips = TwoStreamExtractor(grid=1, time_zero="container", max_fps=10).transform([path])
    assert clips.start_seconds.tolist() == [0]
    assert clips.spans.tolist() == [[0, 2]]


# ---------------------------------------------------------------------- networks


def test_networks_are_given_what_is_promised(tmp_path):
    colour = (200, 100, 50)
    path = render(tmp_path / "a.mkv", [np.full((90, 120, 3), colour, np.uint8)] * 10, codec="ffv1")
    seen = []

    def watch(batch):
        seen.append(batch.clone())
        return batch.mean(dim=(2, 3))

    extractor = TwoStreamExtractor(watch, watch, size=32, resize=64, mean=(0.1, 0.2, 0.3))
    clips = extractor.transform([path])
    rgb, flow = seen
    assert rgb.shape == (1, 3, 32, 32)
    assert flow.shape == (1, 10, 32, 32)
    assert rgb.dtype == flow.dtype == torch.float32
    normal = (np.array(colour) / 255 - (0.1, 0.2, 0.3)) / (0.229, 0.224, 0.225)
    assert clips[0][0, :3] == pytest.approx(normal, abs=0.01)
    assert not flow.any()  # no motion is 128, less 128
    assert extractor.streams_ == {"spatial": slice(0, 3), "temporal": slice(3, 13)}
    bgr = TwoStreamExtractor(watch, "drop", channels="bgr", mean=(0, 0, 0), std=(1 / 255,) * 3)
    assert bgr.transform([path])[0][0] == pytest.approx([50, 100, 200], abs=1.5)


def test_flow_for_networks_is_scaled_and_ordered(tmp_path):
    path = render(tmp_path / "a.mkv", plain(13), codec="ffv1")

    def flow(before, after):
        out = np.empty((*before.shape, 2), np.float32)
        out[..., 0], out[..., 1] = 5, before.mean()  # y, clipped, for pictures of shade 40 on
        return out

    extractor = TwoStreamExtractor("drop", Mean(), flow_method=flow, flow_bound=10, size=32)
    values = extractor.transform([path])[0][0]
    assert values.tolist() == [191 - 128, 255 - 128] * 5
    extractor.set_params(flow_mean=127.5, flow_std=127.5)
    assert extractor.transform([path])[0][0][:2] == pytest.approx([63.5 / 127.5, 1])


def test_the_middle_is_cropped_and_small_pictures_are_enlarged(tmp_path):
    picture = np.zeros((60, 100, 3), np.uint8)
    picture[15:45, 35:65] = 255
    path = render(tmp_path / "a.mkv", [picture] * 3, codec="ffv1")
    same = {"mean": (0, 0, 0), "std": (1, 1, 1), "backbone_flow": "drop"}
    inner = TwoStreamExtractor(Mean(), resize=120, size=48, **same).transform([path])
    assert inner[0][0] == pytest.approx([1, 1, 1], abs=0.01)
    outer = TwoStreamExtractor(Mean(), resize=120, size=120, **same).transform([path])
    assert outer[0][0] == pytest.approx([0.25] * 3, abs=0.02)


def test_maps_are_averaged_over_space(paths):
    net = Map(3).eval()

    def pooled(batch):
        return net(batch).mean(dim=(2, 3))

    options = {"backbone_flow": "drop", "resize": 64, "size": 49}
    a = TwoStreamExtractor(net, **options).transform(paths)
    b = TwoStreamExtractor(pooled, **options).transform(paths)
    assert np.allclose(a.values, b.values, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("frames_per_clip", [1, 3])
def test_batches_do_not_matter(paths, frames_per_clip):
    results = [
        TwoStreamExtractor(
            Map(3),
            Map(6),
            flow_frames=3,
            resize=64,
            size=49,
            batch_size=size,
            frames_per_clip=frames_per_clip,
            flow_method="dis-fast",
        ).transform(paths)
        for size in (1, 4, 1000)
    ]
    for other in results[1:]:
        assert np.allclose(results[0].values, other.values, rtol=1e-4, atol=1e-5)


def test_batches_have_the_size_asked_for(paths):
    sizes = []

    def watch(batch):
        sizes.append(len(batch))
        return batch.mean(dim=(2, 3))

    TwoStreamExtractor(
        watch, "drop", batch_size=4, frames_per_clip=3, size=32, resize=64
    ).transform(paths[:1])
    assert sizes == [4, 4, 4, 4, 2]


def test_modules_are_left_as_they_were(paths):
    net = Mean()
    net.drop.eval()  # a mixed state
    assert net.training
    extractor = TwoStreamExtractor(net, "drop", size=32, resize=64)
    first, second = extractor.transform(paths[:1]), extractor.transform(paths[:1])
    assert first == second
    assert net.training
    assert not net.drop.training
    assert net.weight.grad is None
    trained = TwoStreamExtractor(Mean().train(), "drop", size=32, resize=64).transform(paths[:1])
    assert first == trained  # no dropout in use


@pytest.fixture
def script(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(Map(3)), tmp_path / "net.pt")
    return tmp_path / "net.pt"


@pytest.mark.slow
def test_saved_networks(paths, script, tmp_path):
    options = {"backbone_flow": "drop", "resize": 64, "size": 49}
    expected = TwoStreamExtractor(Map(3), **options).transform(paths)
    for path in (script, str(script)):
        found = TwoStreamExtractor(path, **options).transform(paths)
        assert np.allclose(found.values, expected.values, atol=1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        batch = {0: torch.export.Dim("n")}
        example = (torch.zeros(2, 3, 49, 49),)
        program = torch.export.export(Map(3).eval(), example, dynamic_shapes=(batch,))
        torch.export.save(program, tmp_path / "net.pt2")
    found = TwoStreamExtractor(tmp_path / "net.pt2", **options).transform(paths)
    assert np.allclose(found.values, expected.values, atol=1e-5)


@pytest.mark.slow
@pytest.mark.usefixtures("light_processes")
def test_videos_in_parallel(paths, script, tmp_path):
    render(tmp_path / "a.mkv", noise(40))
    videos = [*paths, halved(tmp_path / "a.mkv")]
    alone = TwoStreamExtractor(script, resize=64, size=49, grid=2, on_error="truncate")
    together = clone(alone).set_params(n_jobs=2)
    with pytest.warns(UserWarning, match=r"Video 3 \(.*cut\.mkv\) is damaged, cut there"):
        expected = alone.transform(videos)
    with pytest.warns(UserWarning, match=r"Video 3 \(.*cut\.mkv\) is damaged, cut there"):
        assert together.transform(videos) == expected


@pytest.mark.parametrize(
    ("backbone", "match"),
    [
        (lambda b: b.sum(), r"backbone_rgb returned shape \(\) for 6 inputs"),
        (lambda b: b.flatten(2), "expected \\(n, n_features\\)"),
        (lambda b: b[:1].mean(dim=(2, 3)), r"shape \(1, 3\) for 6 inputs"),
        (lambda b: (b, b), "returned tuple, expected a tensor"),
        (lambda b: b.mean(dim=(2, 3)) * np.nan, r"Video 0 \(.*features of clip 0 are not finite"),
    ],
)
def test_networks_that_return_something_else(paths, backbone, match):
    with pytest.raises(ValueError, match=match):
        TwoStreamExtractor(backbone, "drop", size=32, resize=64).transform(paths[:1])


def test_widths_must_agree(paths):
    widths = iter([2, 3, 3])
    net = TwoStreamExtractor(
        lambda b: b.mean(dim=(2, 3))[:, :1].repeat(1, next(widths)), "drop", size=32, resize=64
    )
    with pytest.raises(ValueError, match=r"other numbers of features .* for Video 1 \(.*video1"):
        net.transform(paths)


# ---------------------------------------------------------------------- what can be wrong


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"clip_seconds": 0}, "clip_seconds=0"),
        ({"frames_per_clip": 0}, "frames_per_clip=0"),
        ({"flow_frames": 2.5}, "flow_frames=2.5"),
        ({"flow_method": "lk"}, "flow_method='lk'; expected one of"),
        ({"flow_bound": -1}, "flow_bound=-1"),
        ({"flow_std": 0}, "flow_std=0"),
        ({"size": 300}, "size=300 is cut out of resize=256"),
        ({"mean": (1, 2)}, "expected 3 numbers"),
        ({"std": (1, 0, 1)}, "std=0"),
        ({"channels": "gbr"}, "channels='gbr'"),
        ({"max_fps": 0}, "max_fps=0"),
        ({"time_zero": "x"}, "time_zero='x'"),
        ({"on_error": "ignore"}, "on_error='ignore'"),
        ({"device": "tpu"}, "device='tpu'"),
        ({"backbone_rgb": "no.pt"}, "backbone_rgb='no.pt'; expected a file"),
        ({"backbone_rgb": 3}, "backbone_rgb=3; expected a torch module"),
        ({"backbone_flow": Mean}, "backbone_flow is the class Mean"),
        ({"backbone_rgb": "drop", "backbone_flow": "drop"}, "nothing is left"),
    ],
)
def test_parameters_are_checked(paths, parameters, match):
    with pytest.raises(ValueError, match=match):
        TwoStreamExtractor(**parameters).fit_transform(paths)


@pytest.mark.parametrize(
    ("X", "match"),
    [
        ("a.mp4", "one path"),
        (Path("a.mp4"), "one path"),
        ([], "Found 0 videos"),
        ([["a.mp4"]], "Video 0 is list"),
        (np.array([["a.mp4"]]), "one-dimensional"),
        (3, "list of paths"),
        ([3], "Video 0 is int"),
    ],
)
def test_what_is_no_list_of_paths(X, match):
    with pytest.raises(ValueError, match=match):
        TwoStreamExtractor().fit(X)


def test_missing_files_are_found_before_work_starts(paths):
    with pytest.raises(FileNotFoundError, match=r"Video 3 \(no\.mp4\)"):
        TwoStreamExtractor().fit([*paths, "no.mp4"])
    with pytest.raises(ValueError, match="more than once"):
        TwoStreamExtractor().fit([*paths, paths[0]])


def test_damage_is_refused_or_warned_of(tmp_path, paths):
    path = tmp_path / "a.mkv"
    render(path, noise(40))
    broken = [paths[0], halved(path)]
    extractor = TwoStreamExtractor(grid=1)
    with pytest.raises(ValueError, match=r"Video 1 \(.*cut\.mkv\) is damaged: .* s"):
        extractor.transform(broken)
    extractor.set_params(on_error="truncate")
    with pytest.warns(UserWarning, match=r"Video 1 \(.*cut\.mkv\) is damaged, cut there"):
        clips = extractor.transform(broken)
    assert 1 <= len(clips[1]) < 3


def test_names_of_videos(tmp_path, paths):
    other = render(tmp_path / "video0.mkv", plain(3))
    extractor = TwoStreamExtractor(grid=1)
    assert list(extractor.transform([paths[0], other]).ids) == ["video0.mp4", "video0.mkv"]
    same = render(tmp_path / "video0.mp4", plain(3))
    assert list(extractor.transform([paths[0], same]).ids) == [paths[0], same]


def test_missing_packages_are_named(paths, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ImportError, match=r"PyAV.*pip install \"sklearn-asn\[video\]\""):
        TwoStreamExtractor().fit(paths)


def test_importing_needs_neither_package(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("sklearn_asn.video")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setitem(sys.modules, "cv2", None)
    video = importlib.import_module("sklearn_asn.video")
    assert video.TwoStreamExtractor is not TwoStreamExtractor
    assert list(video.TwoStreamExtractor().streams_) == ["spatial", "temporal"]


# ---------------------------------------------------------------------- scikit-learn


def test_parameters_go_round(paths):
    extractor = TwoStreamExtractor(Map(3), grid=2, size=49, resize=64)
    copy = clone(extractor)
    assert copy.get_params().keys() == extractor.get_params().keys()
    assert copy.backbone_rgb is not extractor.backbone_rgb
    again = pickle.loads(pickle.dumps(extractor))
    expected = extractor.transform(paths[:1])
    for other in (copy, again):
        assert other.transform(paths[:1]) == expected
    assert "grid=2" in repr(TwoStreamExtractor(grid=2))


def test_it_has_no_state(paths):
    extractor = TwoStreamExtractor(grid=1)
    before = dict(vars(extractor))
    check_is_fitted(extractor)
    tags = get_tags(extractor)
    assert not tags.requires_fit
    assert tags.input_tags.string
    assert not tags.input_tags.two_d_array
    assert extractor.fit(paths) is extractor
    assert extractor.set_output(transform="pandas") is extractor
    assert extractor.transform(np.array(paths)) == extractor.transform([Path(p) for p in paths])
    assert vars(extractor) == before


@pytest.mark.slow
def test_from_files_to_segments_in_a_pipeline(paths, tmp_path):
    memory = joblib.Memory(tmp_path / "cache", verbose=0)
    extractor = TwoStreamExtractor(grid=1)
    localizer = ASNLocalizer(max_epochs=2, hidden_size=4, streams=extractor.streams_)
    model = make_pipeline(extractor, ClipWise(StandardScaler()), localizer, memory=memory)
    y = ["a", "b", "a"]
    found = model.fit(paths, y).predict(paths)
    assert len(found) == 3
    assert model.score(paths, y) >= 0
    files = len(list((tmp_path / "cache").rglob("output.pkl")))
    model.set_params(asnlocalizer__max_epochs=3).fit(paths, y)
    assert len(list((tmp_path / "cache").rglob("output.pkl"))) == files  # features were found


def test_streams_tell_the_localizer_which_columns(paths):
    extractor = TwoStreamExtractor(Map(3), None, grid=2, size=49, resize=64)
    clips = extractor.transform(paths)
    assert extractor.streams_ == {"spatial": slice(0, 5), "temporal": slice(5, 85)}
    localizer = ASNLocalizer("temporal", max_epochs=1, streams=extractor.streams_)
    localizer.fit(clips, ["a", "b", "a"])
    flow_only = ASNLocalizer("temporal", max_epochs=1, streams={"temporal": slice(0, 80)})
    alone = TwoStreamExtractor("drop", None, grid=2)
    assert alone.streams_ == {"temporal": slice(0, 80)}
    flow_only.fit(alone.transform(paths), ["a", "b", "a"])
