"""The recipes with networks of others: the code as it stands, with random weights for downloads."""

import sys
import types
import warnings

import numpy as np
import pytest
from test_docs import blocks_of

PAGE = "docs/guide/backbones.md"
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def make_video(av, path, seed, n_frames=70):
    """Write a square that moves over noise; 3.5 seconds."""
    rng = np.random.default_rng(seed)
    back = rng.integers(0, 90, size=(144, 176, 3), dtype=np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=20)
        stream.width, stream.height, stream.pix_fmt = 176, 144, "yuv420p"
        for i in range(n_frames):
            picture = back.copy()
            at = (3 * i) % 120
            picture[40:80, at : at + 40] = 255 - 60 * (seed % 2)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


@pytest.fixture
def libraries(monkeypatch):
    """Give networks small, and with random weights."""
    av = pytest.importorskip("av")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        transformers = pytest.importorskip("transformers")
        pytest.importorskip("torchvision", exc_type=(ImportError, RuntimeError))
        timm = pytest.importorskip("timm")
        from torchvision.models import optical_flow
    small = {"hidden_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2}
    small |= {"intermediate_size": 32}

    def fresh(cls, name):
        return cls(cls.config_class(**small))

    for kind in (transformers.VideoMAEModel, transformers.CLIPVisionModelWithProjection):
        monkeypatch.setattr(kind, "from_pretrained", classmethod(fresh))
    processor = transformers.VideoMAEImageProcessor
    monkeypatch.setattr(processor, "from_pretrained", classmethod(lambda cls, name: cls()))
    make, raft = timm.create_model, optical_flow.raft_small
    monkeypatch.setattr(
        timm, "create_model", lambda name, pretrained, **rest: make("resnet10t", **rest)
    )
    monkeypatch.setattr(optical_flow, "raft_small", lambda weights: raft(weights=None))
    return av


def test_the_recipes_run(libraries, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "videos").mkdir()
    for i in range(4):
        make_video(libraries, tmp_path / "videos" / f"v{i}.mp4", i)
    (tmp_path / "labels.csv").write_text("video,label\nv0,a\nv1,b\nv2,a\nv3,b\nv3,a\n")
    module = types.ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", module)
    shapes = []
    for block in blocks_of(PAGE):
        exec(compile(block, PAGE, "exec"), vars(module))
        if "X = " in block:
            X = module.X
            assert X.ids is None or len(X.ids) == 4
            shapes.append((X.lengths.tolist(), X.values.shape[1]))
            if "Clips.from_list" in block:
                np.testing.assert_allclose(X.spans[0], [0, 4 * 0.8])
    assert shapes == [([4] * 4, 24), ([7] * 4, 512), ([7] * 4, 512), ([7] * 4, 160)]
    assert "video" in capsys.readouterr().out
