"""Pictures out of anything that FFmpeg opens: clips, RTSP cameras, V4L2 devices. One codec thread a stream."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

import av
import numpy as np
from av.error import ArgumentError, ExitError, FFmpegError
from av.video.reformatter import ColorRange, VideoReformatter

from edge.capture.base import Shot
from edge.errors import EdgeError
from edge.types import I420, U8

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.stream import Stream
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

av.logging.set_level(None)  # FFmpeg's chatter would mix into our log; what matters comes as an exception

LARGEST = 8192, 4320
"""Width times height is what a picture may have: a camera that sends more would take a small board's memory."""
PADDING = 256
"""Rows and columns that decoders add, which FFmpeg counts as well."""


class Tap(Protocol):
    """Sees a stream's packets before they are decoded, in the reader's thread; must not block."""

    def opened(self, stream: VideoStream) -> None:
        """The stream, before its first packet."""
        ...

    def packet(self, packet: av.Packet[Stream]) -> None:
        """The next packet of it; the last one may be empty."""
        ...


class ContainerSource:
    """A `Source` over FFmpeg.

    Args:
        url: what FFmpeg opens
        name: what messages call it (credentials masked)
        fault: the error to raise when it cannot be read
        live: see `Source`
        options, form, timeout: given to `av.open`; timeout in seconds for opening and for each read
        stall: seconds without a picture, though data come, after which it is at fault, twice that for the first one
        hints: what to say instead of FFmpeg's own words when it cannot be opened
        now: seconds that never step back, for `stall`

    form, codec: what FFmpeg takes its container and its video for, by FFmpeg's names
    tap: sees the packets of the video, where somebody set one before the first picture
    """

    tap: Tap | None = None

    def __init__(
        self,
        url: str,
        *,
        name: str,
        fault: type[EdgeError],
        live: bool,
        options: Mapping[str, str] | None = None,
        form: str | None = None,
        timeout: tuple[float, float] | None = None,
        stall: float = math.inf,
        hints: Mapping[type[FFmpegError], str] | None = None,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self._name, self._fault, self.live = name, fault, live
        self._stall, self._now = stall, now
        opened: Any
        bounds = {"max_pixels": str(math.prod(side + PADDING for side in LARGEST))}
        try:
            # Titles and the like may be in any encoding; nobody here reads them.
            opened = av.open(
                url, format=form, options={**(options or {}), **bounds}, timeout=timeout, metadata_errors="replace"
            )
        except (FFmpegError, OSError) as error:
            hint = next((said for kind, said in (hints or {}).items() if type(error) is kind), None)
            raise fault(f"{name}: cannot be opened: {hint or _why(error)}") from None
        self._container: InputContainer = opened
        if not self._container.streams.video:
            self.close()
            raise fault(f"{name}: holds no video")
        self._stream = self._container.streams.video[0]
        if self._stream.codec_context is None:
            self.close()
            raise fault(f"{name}: holds no video that can be decoded here")
        self.form, self.codec = self._container.format.name, self._stream.codec_context.name
        self._stream.thread_count = 1
        self._stream.codec_context.options = bounds
        self.fps = float(self._stream.average_rate or self._stream.guessed_rate or 0)

    def shots(self) -> Iterator[Shot]:
        """Pictures until the stream ends; times are the stream's own where it gives them."""
        first: float | None = None
        time = -math.inf
        count = 0
        convert = VideoReformatter()
        try:
            for frame in self._frames():
                stamp = count / (self.fps or 25.0) if frame.pts is None else frame.time
                first = stamp if first is None else first
                time = max(time, stamp - first)
                count += 1
                yield Shot(time, _picture(frame, convert))
        except (FFmpegError, OSError) as error:
            raise self._fault(f"{self._name}: unreadable after {count} pictures: {_why(error)}") from None
        if not count:
            raise self._fault(f"{self._name}: no picture in it could be decoded")

    def _frames(self) -> Iterator[VideoFrame]:
        """Every picture of the video stream.

        Packets of all streams are looked at: sound that goes on keeps FFmpeg's own read time-out from ever running out.
        """
        seen, patience = self._now(), 2 * self._stall
        if self.tap is not None:
            self.tap.opened(self._stream)
        for packet in self._container.demux():
            if self._now() - seen > patience:
                raise self._fault(f"{self._name}: no picture for {patience:.0f} s")
            if packet.stream.index == self._stream.index:
                if self.tap is not None:
                    self.tap.packet(packet)
                for frame in self._decoded(packet):
                    yield frame
                    seen, patience = self._now(), self._stall

    def _decoded(self, packet: av.Packet[Stream]) -> list[VideoFrame]:
        try:
            frames: list[VideoFrame] = self._stream.decode(packet)
        except ArgumentError:  # FFmpeg's answer to a size beyond `max_pixels`, or one that is none
            w, h = LARGEST
            raise self._fault(
                f"{self._name}: its pictures have more than {w} x {h} pixels, or no size at all"
            ) from None
        return frames

    def close(self) -> None:
        """Close the container."""
        self._container.close()


def _picture(frame: VideoFrame, convert: VideoReformatter) -> I420:
    """The planes of a frame, without a copy where the decoder made limited-range 4:2:0; upright."""
    name = frame.format.name
    if name != "yuv420p" or frame.color_range == ColorRange.JPEG:
        full = name.startswith("yuvj") or frame.color_range == ColorRange.JPEG
        source = ColorRange.JPEG if full else ColorRange.MPEG
        frame = convert.reformat(frame, format="yuv420p", src_color_range=source, dst_color_range=ColorRange.MPEG)
    w, h = frame.width, frame.height
    half = (h + 1) // 2, (w + 1) // 2
    y, u, v = (_plane(frame, i, *size) for i, size in enumerate(((h, w), half, half)))
    turns = round(getattr(frame, "rotation", 0) / 90) % 4
    if turns:
        y, u, v = (np.ascontiguousarray(np.rot90(plane, turns)) for plane in (y, u, v))
    return I420(y, u, v)


def _plane(frame: VideoFrame, index: int, rows: int, columns: int) -> U8:
    plane = frame.planes[index]
    whole: U8 = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return whole[:rows, :columns]


def _why(error: Exception) -> str:
    """FFmpeg's reason in its own words, without the address (which may hold a password)."""
    if isinstance(error, ExitError):  # how PyAV says that its own time-out ran out
        return "no answer in time"
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(said).strip().lower()
