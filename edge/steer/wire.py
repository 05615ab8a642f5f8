"""What the loop tells the process that owns the actuator: one datagram a message, over a socket pair of their own."""

from __future__ import annotations

import contextlib
import socket
import struct
from dataclasses import dataclass
from typing import Literal

_COMMAND = struct.Struct("<cQQdddd")
LARGEST = 1024
Kind = Literal["command", "waiting", "fault"]
_NOTES: dict[bytes, Kind] = {b"W": "waiting", b"F": "fault"}


@dataclass(frozen=True, slots=True)
class Command:
    """What the pilot wants in one cycle. Times are monotonic seconds, one clock for both processes.

    seq: counts cycles, also those that were missed
    frame: index of the picture that it was made of
    frame_t: when that picture was taken
    taken_t: when the cycle began
    steering: the pilot's value, unchecked
    infer_s: seconds of the pilot's step; 0 where a picture is used again
    """

    seq: int
    frame: int
    frame_t: float
    taken_t: float
    steering: float
    infer_s: float


@dataclass(frozen=True, slots=True)
class Note:
    """Why there are no commands: `waiting` says what for, `fault` that the pilot or the camera has failed."""

    kind: Kind
    text: str


def pack(said: Command | Note) -> bytes:
    """A datagram."""
    if isinstance(said, Command):
        numbers = (said.seq, said.frame, said.frame_t, said.taken_t, said.steering, said.infer_s)
        return _COMMAND.pack(b"C", *numbers)
    first = b"F" if said.kind == "fault" else b"W"
    return (first + said.text.encode("utf-8", "replace"))[:LARGEST]


def unpack(datagram: bytes) -> Command | Note | None:
    """What a datagram says; None if it is none of ours."""
    if datagram[:1] in _NOTES:
        return Note(_NOTES[datagram[:1]], datagram[1:].decode("utf-8", "replace"))
    if datagram[:1] != b"C" or len(datagram) != _COMMAND.size:
        return None
    _, seq, frame, frame_t, taken_t, steering, infer_s = _COMMAND.unpack(datagram)
    return Command(seq, frame, frame_t, taken_t, steering, infer_s)


def pair() -> tuple[socket.socket, socket.socket]:
    """The parent's end and the child's; neither ever blocks."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.setblocking(False)
    return ends


def heard(end: socket.socket) -> tuple[list[Command | Note], bool]:
    """All that waits, in order, and whether the other side is still there."""
    found: list[Command | Note] = []
    with contextlib.suppress(BlockingIOError):
        while True:
            try:
                datagram = end.recv(LARGEST)
            except ConnectionError:
                return found, False
            if not datagram:
                return found, False
            if (said := unpack(datagram)) is not None:
                found.append(said)
    return found, True


def tell(end: socket.socket, said: Command | Note) -> bool:
    """Say something, unless nobody takes it; False once the other side is gone."""
    try:
        end.send(pack(said))
    except BlockingIOError:
        return True
    except OSError:
        return False
    return True
