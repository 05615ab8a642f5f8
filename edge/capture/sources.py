"""The table of sources: what a camera's `source` opens. Nothing of a source is imported before it is chosen."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from edge.capture.base import Source
from edge.errors import UserError

SOURCES = {
    "file": "edge.capture.file:open_file",
    "rtsp": "edge.capture.rtsp:open_rtsp",
    "rtsps": "edge.capture.rtsp:open_rtsp",
    "v4l2": "edge.capture.v4l2:open_v4l2",
    "picamera": "edge.capture.picamera:open_picamera",
    "jetson": "edge.capture.gstreamer:open_jetson",
    "gst": "edge.capture.gstreamer:open_gst",
    "synthetic": "edge.capture.synthetic:open_synthetic",
}


def open_source(source: str) -> Source:
    """Open what a camera's `source` names; blocks while it connects, bounded by the source's own time-out.

    Raises:
        CameraError: a camera is away or refuses; try again later.
        SourceError: a clip is missing or damaged.
        MissingError: what the source needs of the system is not installed.
        UserError: no source of that kind, or one whose settings cannot be.
    """
    kind, _, rest = source.partition(":")
    if kind not in SOURCES:
        raise UserError(f"no source is called `{kind}`; there are: {', '.join(SOURCES)}")
    module, _, name = SOURCES[kind].partition(":")
    opener: Callable[[str], Source] = getattr(importlib.import_module(module), name)
    return opener(source if kind.startswith("rtsp") else rest)
