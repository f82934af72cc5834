"""`TwoStreamExtractor`: from video files to `Clips`."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags

from sklearn_asn._checks import resolve_device
from sklearn_asn._data.clips import Clips
from sklearn_asn._typing import Channels, FlowMethod, OnError, TimeZero
from sklearn_asn.video._backbones import evaluation_mode
from sklearn_asn.video._checks import check_parameters, check_paths, ids_of, name_of
from sklearn_asn.video._extract import extract, make_streams


class TwoStreamExtractor(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Make the clip features of two streams from video files.

    The spatial stream sees single pictures, the temporal one stacks of optical flow, as in
    two-stream networks. Each goes through a network of yours, or, with none, becomes classical
    descriptors (colour, gradients and flow in a grid), for which nothing has to be downloaded.
    Give the result to `ASNLocalizer`, with `streams_` as its ``streams``.

    Videos are decoded as streams, and only the pictures of one clip are held: memory does not
    depend on how long a video is. Needs ``pip install "sklearn-asn[video]"``.

    Parameters
    ----------
    backbone_rgb, backbone_flow : torch module, callable, path, None or "drop", default=None
        What turns a batch into features: a torch module (timm's or torch.hub's, say) or any
        callable of a tensor, or the path of a saved one (TorchScript; ``.pt2`` of
        `torch.export`, with a batch axis of any length). It gets ``(n, 3, size, size)`` for RGB
        and ``(n, 2 * flow_frames, size, size)`` for flow, float32, and returns a tensor
        ``(n, n_features)``, or ``(n, n_features, height, width)``, of which the mean over space
        is taken. Modules run in evaluation mode, without gradients, and are left as they were.
        None: classical descriptors. ``"drop"``: the stream is left out.
    clip_seconds : float, default=0.5
        Length of a clip; the paper's 15 frames are 0.5 s at 30 frames a second.
    frames_per_clip : int, default=1
        Moments sampled in a clip, the middles of as many equal parts; features are averaged.
    flow_frames : int, default=5
        Successive motions in a stack.
    flow_method : {"dis", "dis-fast", "farneback", "tvl1"} or callable, default="dis"
        Optical flow by OpenCV. ``"tvl1"`` is what two-stream networks are usually trained on,
        but slow, and only in opencv-contrib-python-headless. A callable gets two grey pictures
        ``(height, width)``, uint8, and returns ``(height, width, 2)``: x and y in pixels.
    flow_bound : float, default=20.0
        Pixels at which flow is clipped for `backbone_flow`.
    flow_mean, flow_std : float, default=128.0, 1.0
        Normalisation of flow for `backbone_flow`, in units of its 8-bit form (see Notes).
    resize : int, default=256
        Pixels of the short side to which pictures are scaled before all else, flow included.
        Only for networks are small pictures enlarged.
    size : int, default=224
        Side of the square cut out of the middle for networks, at most `resize`. Classical
        descriptors see the whole picture.
    mean, std : sequence of 3 floats, default=(0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
        Normalisation of the channels for `backbone_rgb`, whose values are from 0 to 1 before;
        ImageNet's by default.
    channels : {"rgb", "bgr"}, default="rgb"
        Order in which `backbone_rgb`, `mean` and `std` have the channels.
    grid : int, default=3
        Classical descriptors divide the picture into ``grid * grid`` cells, 20 features each.
    max_fps : float or None, default=None
        Frames beyond this rate are left out, before flow: motion between two frames of a video
        of 60 frames a second is half of what a network trained at 30 expects. None: all frames.
    time_zero : {"timestamps", "container"}, default="timestamps"
        What time 0 is: that of the file's own timestamps, or the moment at which the file
        starts, sound included. MPEG transport streams (.ts, .mts) start anywhere, and players
        show ``"container"`` time.
    on_error : {"raise", "truncate", "skip"}, default="raise"
        What to do where a file is damaged or ends before the end that it declares: refuse it;
        keep what comes before; or leave out damaged frames, which the picture before replaces
        (later ones may still show damage). The last two warn. A file without a readable frame is
        always refused.
    batch_size : int, default=32
        Inputs given to a backbone at once.
    device : str, default="auto"
        Torch device; ``"auto"`` is the GPU where there is one.
    n_jobs : int or None, default=None
        Videos read at the same time, in joblib's terms. With processes, give backbones that can
        be pickled, or paths.
    verbose : int, default=0
        joblib's reports on progress.

    See Also
    --------
    sklearn_asn.ASNLocalizer : Finds actions in the result.
    sklearn_asn.ClipWise : Scales it.

    Notes
    -----
    **Time.** Frames have the time of their presentation timestamps, so that variable frame rates
    are right. Clip i covers ``[start + i * clip_seconds, start + (i + 1) * clip_seconds)``, start
    being the first frame's time (``start_seconds``). A moment has the picture that is shown then:
    the last one at or before it, also where a clip has no frame of its own. The last clip is kept
    if the video covers at least half of it; a video shorter than that is one clip.

    **Flow.** A motion, from one frame to the next, belongs to the clip in which the later frame
    is; no clip sees another's. A stack is the successive motions around the moment sampled;
    where a clip has fewer, the last one is repeated, and where it has none (a still picture, a
    file of one frame, a gap) flow is zero. So it is between frames further apart than a clip.
    For networks, flow is clipped to ``[-flow_bound, flow_bound]`` and mapped to 0..255, rounded
    (no motion is 128), as TSN and UntrimmedNet store it; then ``(value - flow_mean) / flow_std``.
    The defaults are those of their BN-Inception (minus 128); TSN's ResNets take
    ``flow_mean=127.5, flow_std=57.6``, and a range of -1 to 1 is
    ``flow_mean=127.5, flow_std=127.5``. Channels are x and y of the first motion, x and y of the
    second, and so on.

    **Networks ported from Caffe** (UntrimmedNet's own) want ``channels="bgr"``,
    ``mean=(104/255, 117/255, 123/255)``, ``std=(1/255, 1/255, 1/255)``.

    **Streams.** Columns are ``rgb0, rgb1, ...`` then ``flow0, flow1, ...``. `ASNLocalizer`'s
    default halves are right if both streams have the same width, as both classical ones have;
    ``ASNLocalizer(streams=extractor.streams_)`` is right always.

    **Pictures** are turned and mirrored as the file says (telephones), and the shape of pixels is
    allowed for. The first stream that is a video is read.

    **Names.** ``ids`` are the names of the files without the suffix; with it where that is not
    unique; and else the paths.

    **Caching.** The transformer has no state. In ``Pipeline(memory=...)``, give backbones as
    paths: copies of a torch module hash differently, so nothing would be found again. The cache
    looks at the paths of the videos and of backbones, not at what is in the files.

    Examples
    --------
    >>> from sklearn_asn.video import TwoStreamExtractor
    >>> extractor = TwoStreamExtractor(grid=2)
    >>> extractor.streams_
    {'spatial': slice(0, 80, None), 'temporal': slice(80, 160, None)}
    >>> clips = extractor.fit_transform(["a.mp4", "b.mp4"])  # doctest: +SKIP
    """

    def __init__(
        self,
        backbone_rgb: Any = None,
        backbone_flow: Any = None,
        *,
        clip_seconds: float = 0.5,
        frames_per_clip: int = 1,
        flow_frames: int = 5,
        flow_method: FlowMethod | Callable[..., Any] = "dis",
        flow_bound: float = 20.0,
        flow_mean: float = 128.0,
        flow_std: float = 1.0,
        resize: int = 256,
        size: int = 224,
        mean: Any = (0.485, 0.456, 0.406),
        std: Any = (0.229, 0.224, 0.225),
        channels: Channels = "rgb",
        grid: int = 3,
        max_fps: float | None = None,
        time_zero: TimeZero = "timestamps",
        on_error: OnError = "raise",
        batch_size: int = 32,
        device: str = "auto",
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.backbone_rgb = backbone_rgb
        self.backbone_flow = backbone_flow
        self.clip_seconds = clip_seconds
        self.frames_per_clip = frames_per_clip
        self.flow_frames = flow_frames
        self.flow_method = flow_method
        self.flow_bound = flow_bound
        self.flow_mean = flow_mean
        self.flow_std = flow_std
        self.resize = resize
        self.size = size
        self.mean = mean
        self.std = std
        self.channels = channels
        self.grid = grid
        self.max_fps = max_fps
        self.time_zero = time_zero
        self.on_error = on_error
        self.batch_size = batch_size
        self.device = device
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None) -> Self:
        """Check the parameters and that the files are there; nothing is learned.

        Parameters
        ----------
        X : sequence of path
        y : ignored

        Returns
        -------
        self
        """
        check_parameters(self)
        check_paths(X)
        return self

    def transform(self, X: Any) -> Clips:
        """Read videos.

        Parameters
        ----------
        X : sequence of path

        Returns
        -------
        Clips
            float32, with timing, ids and feature names.

        Raises
        ------
        FileNotFoundError, ValueError
            A file is missing, is no video or is damaged; the message has its index and path.
        ImportError
            PyAV or OpenCV is not installed.
        """
        check_parameters(self)
        paths = check_paths(X)
        settings = {**self.get_params(deep=False), "device": resolve_device(self.device)}
        parallel = Parallel(n_jobs=self.n_jobs, verbose=self.verbose)
        with evaluation_mode([self.backbone_rgb, self.backbone_flow]):
            shared = make_streams(settings) if effective_n_jobs(self.n_jobs) == 1 else None
            videos = parallel(
                delayed(extract)(path, name_of(i, path), settings, shared)
                for i, path in enumerate(paths)
            )
        for video in videos:
            for complaint in video.complaints:
                warnings.warn(complaint, UserWarning, stacklevel=2)
        widths = videos[0].widths
        for i, video in enumerate(videos):
            if video.widths != widths:
                raise ValueError(
                    f"A backbone gave other numbers of features ({video.widths}) for "
                    f"{name_of(i, paths[i])} than for {name_of(0, paths[0])} ({widths})."
                )
        return Clips.from_list(
            [video.values for video in videos],
            clip_seconds=self.clip_seconds,
            start_seconds=[video.start for video in videos],
            ids=ids_of(paths),
            feature_names=_names(widths),
        )

    @property
    def streams_(self) -> dict[str, slice]:
        """Columns of each stream, for ``ASNLocalizer(streams=...)``; needs no fit.

        The width of a network's output is found by running it once, on zeros.
        """
        widths = self._widths()
        n_rgb = widths.get("rgb", 0)
        columns = {
            "rgb": ("spatial", slice(0, n_rgb)),
            "flow": ("temporal", slice(n_rgb, n_rgb + widths.get("flow", 0))),
        }
        return dict(columns[key] for key in widths)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Names of the columns: ``rgb0``, ... ``flow0``, ...; `input_features` is ignored."""
        return np.asarray(_names(self._widths()), dtype=object)

    def set_output(self, *, transform: str | None = None) -> Self:
        """Do nothing: the output is `Clips` whatever is asked for."""
        return self

    def _widths(self) -> dict[str, int]:
        check_parameters(self)
        settings = {**self.get_params(deep=False), "device": resolve_device(self.device)}
        with evaluation_mode([self.backbone_rgb, self.backbone_flow]):
            return {key: stream.width() for key, stream in make_streams(settings).items()}

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        assert tags.transformer_tags is not None
        tags.transformer_tags.preserves_dtype = []
        return tags


def _names(widths: dict[str, int]) -> list[str]:
    return [f"{key}{i}" for key, width in widths.items() for i in range(width)]
