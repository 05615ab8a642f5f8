"""The contract of a source, and the one-slot hand-over behind every camera."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from edge.types import I420


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture as a source gives it. time: seconds from the source's first picture, never decreasing."""

    time: float
    picture: I420


class Source(Protocol):
    """Pictures of one camera. Opened, read and closed by one thread; reading may block, but never for good.

    fps: the source's own rate in pictures a second; 0 where it does not say
    live: whether pictures come by themselves (a camera) or when they are asked for (a clip, which whoever plays it
        must slow down to its own times)
    """

    fps: float
    live: bool

    def shots(self) -> Iterator[Shot]:
        """Pictures until the stream ends. Raises CameraError (live) or SourceError (a clip) with one clear line."""
        ...

    def close(self) -> None:
        """Give the device or connection back; safe to call twice."""
        ...
