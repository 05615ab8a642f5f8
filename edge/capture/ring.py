"""The newest seconds of a camera's stream as it came, compressed: what a clip begins with.

Nothing is decoded or coded a second time. Only sources that FFmpeg demuxes have packets, and only H.264 and H.265 are
kept: what MP4 holds and browsers play. A USB camera's MJPEG or raw pictures and the synthetic camera give none.
"""

from __future__ import annotations

import io
import threading
from collections import deque
from collections.abc import Callable
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING, Any

import av
from av.error import FFmpegError

from edge.capture.base import Source
from edge.capture.container import ContainerSource
from edge.types.packet import TICKS, Coding, Packet

if TYPE_CHECKING:
    from av.stream import Stream
    from av.video.stream import VideoStream

KEPT = ("h264", "hevc")
MOST_BYTES = 25_000_000
KEY_S = 10.0
"""How long a stream may begin without a key picture before that is said."""
GAP_S = 5.0
"""A stream that returns after longer goes on with nothing: what is kept from before would be taken for what came just
before an event."""
JUMP_S = 10.0
"""A stamp that leads the clock by more is one of a stream that began anew, not a picture that came early."""
_DELIMITER = b"\0\0\0\1\x09\x10"


class Ring:
    """Packets of one camera. Filled by its reader's thread, read by any; nothing here touches a disk or waits.

    Whole groups of pictures go, oldest first, once what follows them reaches back far enough. Where even the newest
    group is too large, its first packets go: no clip can begin in it then, and `status` says so.

    Args:
        now: seconds on the pipeline's monotonic clock
        keep_s: how far back it reaches at least, as far as `most_bytes` goes
        most_bytes: of all packets together
    """

    def __init__(self, now: Callable[[], float], keep_s: float, most_bytes: int = MOST_BYTES) -> None:
        self._now, self._keep_s, self._most_bytes = now, keep_s, most_bytes
        self._lock = threading.Lock()
        self._packets: deque[Packet] = deque()
        self._keys: deque[int] = deque()
        self._bytes = 0
        self._serial = 0
        self._coding: Coding | None = None
        self._offset: int | None = None
        self._last = 0
        self._last_time = 0.0
        self._tight = False
        self._reason: str | None = None

    def opened(self, stream: VideoStream) -> None:
        """A stream begins; one that is coded as the last one and comes soon continues it, else the ring starts anew."""
        codec = stream.codec_context.codec.canonical_name
        coding = None
        if codec not in KEPT:
            reason = f"{codec} is not kept: clips are of H.264 and H.265"
        else:
            coding, reason = _coding(stream, codec), "the stream's parameters cannot be copied"
        with self._lock:
            self._offset = None
            self._reason = None if coding else reason
            if coding is None or coding != self._coding:
                self._coding = coding
                self._forget()

    def packet(self, packet: av.Packet[Stream]) -> None:
        """Take in the stream's next packet."""
        if self._coding is None or not packet.size:
            return
        data, now = bytes(packet), self._now()
        with self._lock:
            if self._offset is None and now - self._last_time > GAP_S:
                self._forget()
            pts, dts = self._stamps(packet, now)
            self._packets.append(Packet(self._serial, now, pts, dts, packet.is_keyframe, self._coding, data))
            if packet.is_keyframe:
                self._keys.append(self._serial)
            self._serial += 1
            self._bytes += len(data)
            self._trim(now)

    def since(self, time: float, before_s: float) -> int | None:
        """Where a clip begins that is to show `before_s` seconds before what came at `time`.

        Returns:
            The serial of the newest key picture that came that much earlier and is that much earlier in the stream's
            own time as well (pictures may come late), else of the oldest that is kept; None where none is kept.
        """
        with self._lock:
            if not self._keys:
                return None
            first = self._packets[0].serial
            shown = next((packet.dts for packet in reversed(self._packets) if packet.time <= time), None)
            for key in reversed(self._keys):
                packet = self._packets[key - first]
                if shown is not None and packet.time <= time - before_s and packet.dts <= shown - before_s * TICKS:
                    return key
            return self._keys[0]

    def after(self, serial: int, most_bytes: int) -> list[Packet]:
        """Packets from `serial` on, oldest first, about so many bytes; those that were kept too short are left out."""
        taken: list[Packet] = []
        size = 0
        with self._lock:
            skip = max(0, serial - self._packets[0].serial) if self._packets else 0
            for packet in islice(self._packets, skip, None):
                taken.append(packet)
                size += len(packet.data)
                if size >= most_bytes:
                    break
        return taken

    def clear(self) -> None:
        """Forget what is kept; what comes from now on is kept again."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        self._packets.clear()
        self._keys.clear()
        self._bytes = 0

    def stays_empty(self, reason: str) -> None:
        """No packets come from this source."""
        with self._lock:
            self._reason = reason

    def status(self) -> dict[str, Any]:
        """`seconds` back to which a clip could reach now, `bytes`, and `reason`: what is in the way, or None."""
        with self._lock:
            first = self._packets[self._keys[0] - self._packets[0].serial].time if self._keys else None
            seconds = 0.0 if first is None else round(self._now() - first, 1)
            reason = self._reason
            if reason is None and self._packets and not self._keys and not self._tight:
                waits = self._packets[-1].time - self._packets[0].time
                reason = f"no key picture in the last {waits:.0f} s: no clip can begin" if waits > KEY_S else None
            elif reason is None and self._tight:
                most = self._most_bytes // 1_000_000
                advice = "lower the bit rate or the key frame interval in the camera"
                reason = f"{most} MB do not hold {self._keep_s:.0f} s of it: clips may begin late; {advice}"
            return {"seconds": seconds, "bytes": self._bytes, "reason": reason}

    def _stamps(self, packet: av.Packet[Stream], now: float) -> tuple[int, int]:
        """pts and dts on one line over all streams of this camera: where a stream jumps, the clock says how far."""
        base = packet.time_base or Fraction(1, TICKS)
        given = packet.dts if packet.dts is not None else packet.pts
        elapsed = round((now - self._last_time) * TICKS)
        ticks = self._last + max(elapsed, 1) if given is None else given * TICKS * base.numerator // base.denominator
        step = ticks + (self._offset or 0) - self._last
        if self._offset is None or not 0 < step <= elapsed + JUMP_S * TICKS:
            self._offset = (self._last + max(elapsed, 1) if self._serial else 0) - ticks
        dts = ticks + self._offset
        lead = 0
        if packet.pts is not None and packet.dts is not None:
            lead = max(0, packet.pts - packet.dts) * TICKS * base.numerator // base.denominator
        self._last, self._last_time = dts, now
        return dts + lead, dts

    def _trim(self, now: float) -> None:
        """Drop whole groups while what follows reaches back far enough, and whatever is too much."""
        while self._packets:
            first = self._packets[0].serial
            following = next((key for key in self._keys if key > first), None)
            over = self._bytes > self._most_bytes
            if not over and (following is None or self._packets[following - first].time > now - self._keep_s):
                return
            for _ in range(1 if following is None else following - first):
                self._drop()
            self._tight = over

    def _drop(self) -> None:
        packet = self._packets.popleft()
        self._bytes -= len(packet.data)
        if packet.key:
            self._keys.popleft()


def attach(source: Source, ring: Ring) -> None:
    """Have a source's packets go past a ring, if it has any. To be called before its first picture is asked for."""
    if isinstance(source, ContainerSource):
        source.tap = ring
    else:
        ring.stays_empty("the source gives no compressed pictures")


def _coding(stream: VideoStream, codec: str) -> Coding | None:
    """What a muxer must know of a stream, None where it cannot be copied.

    The copy is a file of the stream's header and one empty picture in NUT, which keeps parameter sets as they are
    (Matroska and MP4 rewrite them, and their muxers would then take Annex B packets for length-prefixed ones). Whoever
    muxes opens it: a muxer needs a stream that is open, and the camera's own may be closed by then.
    """
    seed = io.BytesIO()
    context = stream.codec_context
    if not context.extradata:  # MP4 keeps parameter sets in its index, and FFmpeg has found none
        return None
    try:
        with av.open(seed, "w", format="nut") as made:
            copy = made.add_stream_from_template(stream, opaque=True)
            empty = av.Packet(_DELIMITER)
            empty.stream, empty.time_base, empty.pts, empty.dts, empty.is_keyframe = (
                copy,
                Fraction(1, TICKS),
                0,
                0,
                True,
            )
            made.mux(empty)
    except (FFmpegError, OSError, ValueError):
        return None
    return Coding(codec, context.width, context.height, context.extradata, seed.getvalue())
