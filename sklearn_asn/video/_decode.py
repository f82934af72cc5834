"""Frames of a video file, one at a time, with the time at which each is shown."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from sklearn_asn._checks import as_path
from sklearn_asn.video._imports import need
from sklearn_asn.video._picture import Canvas

MAX_GAP = 3600.0  # seconds without a frame that are believed to be meant
SLACK = 0.5  # seconds by which a file may end before the end that it declares
ATTACHED_PICTURE = 0x400  # FFmpeg's AV_DISPOSITION_ATTACHED_PIC
TEXT_ART = {"tty", "bin", "xbin", "adf", "idf"}  # what FFmpeg makes of text files


class Frame(NamedTuple):
    """A decoded frame; `picture` and `canvas` make arrays of it when asked."""

    time: float
    duration: float
    picture: Any
    canvas: Canvas

    def pixels(self, layout: str, short_side: int, enlarge: bool) -> Any:
        """Return the upright picture as an array, ``layout`` being "rgb24" or "gray"."""
        return self.canvas.draw(self.picture, layout, short_side, enlarge)


class VideoReader:
    """The frames of one file, in the order in which they are shown.

    Parameters
    ----------
    path : str
    name : str
        How messages call the video: its index and path.
    on_error : {"raise", "truncate", "skip"}
    time_zero : {"timestamps", "container"}

    Attributes
    ----------
    complaints : list of str
        What was wrong with the file, where `on_error` lets it pass.
    """

    def __init__(self, path: str, name: str, on_error: str, time_zero: str) -> None:
        self.path = path
        self.name = name
        self.on_error = on_error
        self.time_zero = time_zero
        self.complaints: list[str] = []

    def __iter__(self) -> Iterator[Frame]:
        check_file(self.path, self.name)
        av = need("av")
        try:
            container = av.open(str(Path(self.path).resolve()))
        except av.error.FFmpegError as error:
            raise ValueError(
                f"{self.name} cannot be opened as a video ({error.strerror}): it is not a video, "
                "or its index is missing, as in a download cut off."
            ) from None
        with container:
            yield from self._frames(container, _video_stream(container, self.name))

    def _frames(self, container: Any, stream: Any) -> Iterator[Frame]:
        clock = _Clock(stream, self._zero(container))
        canvas = Canvas(self.name, float(stream.sample_aspect_ratio or 1))
        damage: list[str] = []
        for found in _decode(container, stream):
            problem = found if isinstance(found, str) else clock.advance(found)
            if problem is None:
                yield Frame(clock.time, clock.duration, found, canvas)
                continue
            damage.append(f"{problem} at {clock.end:.2f} s")
            if self.on_error == "raise":
                self._refuse(damage[0], clock)
            if self.on_error == "truncate":
                break
        else:
            declared = _declared_end(container, stream, clock.zero)
            if clock.started and declared - clock.end > max(SLACK, 3 * clock.step):
                damage.append(f"ends at {clock.end:.2f} s of the {declared:.2f} s it declares")
                if self.on_error == "raise":
                    self._refuse(damage[-1], clock)
        if not clock.started:
            reason = damage[0] if damage else "no frame can be decoded"
            raise ValueError(f"{self.name} has no readable frame: {reason}.")
        if damage:
            done = "cut there" if self.on_error == "truncate" else "damaged parts left out"
            more = f" (and {len(damage) - 1} more)" if len(damage) > 1 else ""
            self.complaints.append(f"{self.name} is damaged, {done}: {damage[0]}{more}.")

    def _refuse(self, damage: str, clock: _Clock) -> None:
        raise ValueError(
            f"{self.name} is damaged: {damage}. Repair or leave out the file, or set "
            "on_error='truncate' (keep what comes before) or 'skip' (leave damaged frames out)."
        )

    def _zero(self, container: Any) -> float:
        if self.time_zero == "timestamps" or container.start_time is None:
            return 0.0
        return float(container.start_time) / 1e6  # FFmpeg's AV_TIME_BASE


def check_file(path: str, name: str) -> None:
    """Refuse what is no file with something in it."""
    file = as_path(path)
    if not file.exists():
        raise FileNotFoundError(f"{name}: there is no such file.")
    if not file.is_file():
        raise ValueError(f"{name} is not a file.")
    if file.stat().st_size == 0:
        raise ValueError(f"{name} is empty (0 bytes).")


def _video_stream(container: Any, name: str) -> Any:
    if container.format.name in TEXT_ART:
        raise ValueError(f"{name} is not a video (it reads as text).")
    streams = [s for s in container.streams.video if not _is_cover(s)]
    if not streams:
        kinds = sorted({s.type for s in container.streams}) or ["nothing"]
        raise ValueError(f"{name} has no video stream; it holds: {', '.join(kinds)}.")
    if streams[0].codec_context is None:
        raise ValueError(f"{name} is coded in a way that this build of FFmpeg cannot decode.")
    return streams[0]


def _is_cover(stream: Any) -> bool:
    """Tell the cover picture of a sound file from a video."""
    disposition = getattr(stream, "disposition", 0)
    return bool(getattr(disposition, "value", disposition) & ATTACHED_PICTURE)


def _decode(container: Any, stream: Any) -> Iterator[Any]:
    """Yield frames; where the file is damaged, a string that says how."""
    errors = need("av").error.FFmpegError
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except errors as error:
            yield f"reading fails ({error.strerror})"
            return
        if packet is None:
            return
        if packet.is_corrupt:
            yield "an incomplete packet"
            continue
        try:
            frames = packet.decode()
        except errors as error:
            yield f"decoding fails ({error.strerror})"
            continue
        for frame in frames:
            yield "a damaged frame" if frame.is_corrupt else frame


class _Stamps:
    """Chooses between the two times that a frame has, as FFmpeg's best-effort timestamp does.

    AVI stores decoding times only, from which presentation times are guessed wrongly where frames
    depend on later ones (B-frames). Whichever of the two has failed to grow less often is believed,
    the presentation time where neither is worse.
    """

    def __init__(self) -> None:
        self._last = [-math.inf, -math.inf]  # presentation, decoding
        self._faults = [0, 0]

    def choose(self, pts: int | None, dts: int | None) -> int | None:
        """Return the one to believe; None: the frame has none, or only one that is not believed."""
        for i, stamp in enumerate((pts, dts)):
            if stamp is not None:
                self._faults[i] += stamp <= self._last[i]
                self._last[i] = stamp
        if self._faults[0] <= self._faults[1]:
            return dts if pts is None else pts
        return dts  # at a file's end frames come without: those are counted


class _Clock:
    """Gives frames their times: timestamps, or counts where a file has none."""

    def __init__(self, stream: Any, zero: float) -> None:
        rate = stream.average_rate or getattr(stream, "guessed_rate", None)
        self.step = 1 / float(rate) if rate else 0.0
        self.base = stream.time_base
        self.zero = zero
        self.time = self.duration = 0.0
        self.started = False
        self._stamps = _Stamps()

    @property
    def end(self) -> float:
        """When the last frame stops being shown."""
        return self.time + self.duration

    def advance(self, frame: Any) -> str | None:
        """Move to a frame; returns what is wrong with its time, if anything."""
        base = float(frame.time_base or self.base)
        stamp = self._stamps.choose(frame.pts, frame.dts)
        time = self.end if stamp is None else stamp * base - self.zero
        if self.started:
            if time < self.time - 2 * max(self.step, self.duration):
                return f"time goes back to {time:.2f} s"
            if time > self.end + MAX_GAP:
                return f"time leaps to {time:.2f} s"
            time = max(time, self.time)  # frames that only changed places
        self.time = time
        self.duration = min(float(frame.duration or 0) * base, MAX_GAP) or self.step
        self.started = True
        return None


def _declared_end(container: Any, stream: Any, zero: float) -> float:
    """Return when the stream ends by what the file says of itself; minus infinity: it does not."""
    start = float((stream.start_time or 0) * stream.time_base) - zero
    if stream.duration:
        return start + float(stream.duration * stream.time_base)
    tag = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
    if tag:  # Matroska: the time of the end, not the length
        hours, minutes, seconds = map(float, tag.groups())
        return 3600 * hours + 60 * minutes + seconds - zero
    if container.duration and len(container.streams) == 1:
        return start + container.duration / 1e6
    return -float("inf")
