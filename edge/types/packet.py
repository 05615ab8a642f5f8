"""Compressed pictures on their way past the decoder, into clips."""

from __future__ import annotations

from dataclasses import dataclass, field

TICKS = 90_000
"""Of a packet's stamps, a second: the clock of RTP video (RFC 6184, 5.1)."""


@dataclass(frozen=True, slots=True)
class Coding:
    """How a stream's packets are coded: what a muxer has to know before the first of them.

    codec: `h264` or `hevc`
    extradata: parameter sets, as the container or the camera's SDP gave them
    seed: a tiny file from which a muxer's own library takes all of this; of the same content, it may differ
    """

    codec: str
    width: int
    height: int
    extradata: bytes
    seed: bytes = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Packet:
    """One compressed picture.

    serial: counts the packets of a camera; a gap is a loss
    time: when it came, in seconds on the pipeline's monotonic clock
    pts, dts: in TICKS; dts rises from packet to packet, over reconnects as well, and never exceeds pts
    key: whether a decoder can begin with it
    """

    serial: int
    time: float
    pts: int
    dts: int
    key: bool
    coding: Coding
    data: bytes = field(repr=False)
