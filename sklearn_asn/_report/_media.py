"""Media files that the page links to: paths and URLs, and what the page may load."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urldefrag, urlsplit

SCHEMES = ("http", "https", "file")
URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # two letters at least: C:// is a drive


def link_videos(
    videos: Sequence[Any] | Mapping[str, Any] | None,
    n_videos: int,
    ids: list[str] | None,
    folder: Path,
    *,
    timed: bool = True,
) -> list[str | None]:
    """Return the URL of every video's file, seen from a page in `folder`; None where none is.

    Raises
    ------
    ValueError
        Their number is wrong, an id is unknown, an entry is neither a path nor a known URL, or
        clips are not `timed`.
    FileNotFoundError
        A path leads to no file. (URLs are not looked at.)
    """
    if videos is None:
        return [None] * n_videos
    if isinstance(videos, Mapping):
        if ids is None:
            raise ValueError("videos is a dict from ids to files, but X has no ids: use a list.")
        given = {str(key): value for key, value in videos.items()}
        unknown = sorted(given.keys() - set(ids))
        if unknown:
            raise ValueError(f"videos names ids that X does not have: {unknown[:5]}.")
        entries = [given.get(name) for name in ids]
    elif isinstance(videos, str | bytes | os.PathLike):
        raise ValueError(
            f"videos={videos!r}; expected one path or URL a video (a list), or a dict from ids."
        )
    elif not isinstance(videos, Iterable):
        raise ValueError(
            f"videos={videos!r}; expected a list with one path or URL a video, or a dict from ids."
        )
    else:
        entries = list(videos)
    if len(entries) != n_videos:
        raise ValueError(f"X has {n_videos} videos, but videos has {len(entries)} entries.")
    links = [None if v is None else link(v, folder, i) for i, v in enumerate(entries)]
    if any(links) and not timed:
        raise ValueError(
            "videos needs X with timing, to know what second a clip is: "
            "Clips(..., clip_seconds=...)."
        )
    _check_there(entries, ids)
    return links


def _check_there(entries: list[Any], ids: list[str] | None) -> None:
    """Refuse paths without a file, at once: the page would say so only where one is played."""
    lacking = [
        i
        for i, v in enumerate(entries)
        if v is not None and not URL.match(os.fspath(v)) and not os.path.isfile(v)
    ]
    if lacking:
        first = lacking[0]
        name = f"video {first}" if ids is None else f"video {ids[first]!r}"
        raise FileNotFoundError(
            f"{len(lacking)} of {sum(v is not None for v in entries)} files in videos are not "
            f"there, such as {os.fspath(entries[first])!r} of {name} (looked for from "
            f"{os.getcwd()}). For files that will be there only later, give file:// URLs."
        )


def link(video: Any, folder: Path, position: int = 0) -> str:
    """Return one file's URL, with everything escaped that is not plain.

    >>> link("https://host/a b.mp4#t=3", Path())
    'https://host/a%20b.mp4'
    >>> link("run #1?.mp4", Path())
    'run%20%231%3F.mp4'
    """
    try:
        text = os.fspath(video)
    except TypeError:
        text = None
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        raise ValueError(f"videos[{position}] is {video!r}; expected a path, a URL or None.")
    if URL.match(text):
        return _check_url(text, position)
    path, base = (Path(os.path.abspath(p)) for p in (text, folder))
    if path.is_relative_to(base):
        return quote(path.relative_to(base).as_posix(), safe="/")
    return path.as_uri()


def media_sources(links: list[str | None]) -> str:
    """Return the sources of media that a content security policy must allow.

    >>> media_sources([None, "a.mp4", "https://host:8000/b.mp4"])
    "'self' file: https://host:8000"
    >>> media_sources([None])
    "'none'"
    """
    sources = []
    for url in filter(None, links):
        parts = urlsplit(url)
        if parts.scheme in ("http", "https"):
            sources.append(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}")
        else:  # a relative link follows the page, which may be opened from disk or served
            sources += ["file:"] if parts.scheme == "file" else ["'self'", "file:"]
    return " ".join(dict.fromkeys(sources)) or "'none'"


def _check_url(text: str, position: int) -> str:
    try:
        parts = urlsplit(text)
        well_formed = parts.scheme == "file" or re.fullmatch(
            r"[A-Za-z0-9.\-]+|[0-9A-Fa-f:.]+", parts.hostname or ""
        )
        _ = parts.port
    except ValueError:
        well_formed = None
    if not well_formed or parts.scheme not in SCHEMES:
        raise ValueError(
            f"videos[{position}] is {text!r}; expected a path or a URL of {', '.join(SCHEMES)}."
        )
    return quote(urldefrag(text).url, safe="%/:?=&+,;@!$*()~[]")
