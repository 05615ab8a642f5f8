"""A clip as a file: packets into MP4 as they are, so that whatever was written plays, whenever the power goes.

Written in fragments (ISO/IEC 14496-12, 8.8) and made a plain file at its end, FFmpeg's `hybrid_fragmented`: no byte is
written twice. A file that was never ended is cut after its last whole fragment by `repair`.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
from av.error import FFmpegError

from edge.errors import StorageError
from edge.types.packet import TICKS, Coding, Packet

SYNC_S = 5.0
"""How much of a clip a power cut may cost: more often would wear out a card."""
_EPOCH = 2_082_844_800
"""Unix time 0 in the seconds since 1904 of a movie header."""
_OPTIONS = {"movflags": "hybrid_fragmented+frag_keyframe", "frag_duration": "2000000"}


class ClipFile:
    """An MP4 that grows. For one thread.

    Args:
        path: is made, and must not exist
        coding: of all packets that will come
        began: Unix time of the first of them, if known; whole seconds of it are kept in the file

    Raises:
        StorageError: it cannot be made; also from every method, once the disk refuses.
    """

    def __init__(self, path: Path, coding: Coding, began: float | None = None) -> None:
        self.path = path
        self._disk = _Disk(path)
        self._first: int | None = None
        self._synced: float | None = None
        try:
            with av.open(io.BytesIO(coding.seed), format="nut") as seed:
                self._made = av.open(self._disk, "w", format="mp4", options=_OPTIONS)
                self._stream = self._made.add_stream_from_template(seed.streams.video[0], opaque=True)
            if began is not None:
                made = datetime.fromtimestamp(began, timezone.utc)
                self._made.metadata["creation_time"] = f"{made:%Y-%m-%dT%H:%M:%SZ}"
        except (FFmpegError, OSError, ValueError) as fault:
            self._disk.close()
            raise StorageError(f"{path}: cannot be written: {fault}") from None
        self._stream.time_base = Fraction(1, TICKS)

    def add(self, packet: Packet) -> None:
        """Append a packet; the first one is where the clip's time begins."""
        first = self._first = packet.dts if self._first is None else self._first
        made = av.Packet(packet.data)
        made.stream, made.time_base, made.is_keyframe = self._stream, Fraction(1, TICKS), packet.key
        made.pts, made.dts = packet.pts - first, packet.dts - first
        self._try(lambda: self._made.mux(made))
        if self._synced is None or packet.time - self._synced >= SYNC_S:
            self._synced = packet.time
            self._try(self._disk.sync)

    def close(self) -> int:
        """End the file; it is durable then. Returns its bytes."""
        try:
            self._try(self._made.close)
            self._try(self._disk.sync)
        finally:
            self._disk.close()
        return self._disk.size

    def abandon(self) -> None:
        """Let go of a file that the disk does not take; what is in it is for `repair`."""
        self._disk.refuse()
        with contextlib.suppress(FFmpegError, OSError):
            self._made.close()
        self._disk.close()

    def _try(self, write: Callable[[], object]) -> None:
        try:
            write()
        except (FFmpegError, OSError) as fault:
            self._disk.fault = self._disk.fault or str(fault)
        if self._disk.fault:
            raise StorageError(f"{self.path.parent}: a clip cannot be written: {self._disk.fault}")


class _Disk:
    """The file under FFmpeg. A write that fails is noted, and none follows it: FFmpeg has no good way to be told."""

    def __init__(self, path: Path) -> None:
        try:
            self._file: BinaryIO = path.open("xb", buffering=0)
        except OSError as fault:
            raise StorageError(f"{path}: cannot be made: {(fault.strerror or str(fault)).lower()}") from None
        self.fault: str | None = None
        self.size = 0

    def write(self, data: bytes) -> int:
        """All of the data, or none once a write has failed."""
        view = memoryview(data)
        while len(view) and self.fault is None:
            try:
                view = view[self._file.write(view) or 0 :]
            except OSError as fault:
                self.fault = (fault.strerror or str(fault)).lower()
        if self.fault is None:
            self.size = max(self.size, self._file.tell())
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def sync(self) -> None:
        """Make durable what is there."""
        if self.fault is None:
            os.fdatasync(self._file.fileno())

    def refuse(self) -> None:
        """Take nothing any more."""
        self.fault = self.fault or "given up"

    def close(self) -> None:
        self._file.close()


def began(path: Path) -> int | None:
    """Unix time at which a clip begins, rounded down; None if there is no such file, or it does not say.

    The creation time of the movie header, ISO/IEC 14496-12, 8.2.2: kept by the file itself, whatever is restarted,
    repaired or copied.
    """
    try:
        with path.open("rb") as file:
            boxes = _boxes(file, os.fstat(file.fileno()).st_size)
            index = next((at for at, _, kind in boxes if kind == b"moov"), None)
            if index is None:
                return None
            file.seek(index + 8)  # the movie header is the first box in it
            head = file.read(20)
    except OSError:
        return None
    if head[4:8] != b"mvhd":
        return None
    made = int.from_bytes(head[12:20] if head[8] else head[12:16], "big")  # version 1 has 64 bits, from 2040 on
    return made - _EPOCH if made > _EPOCH else None


def repair(path: Path) -> int:
    """Cut a file that was never ended after the last fragment that is whole. Raises OSError.

    Returns:
        The bytes that play; 0 for a file of which nothing does, which is left as it is.
    """
    with path.open("r+b") as file:
        good = _whole(file, os.fstat(file.fileno()).st_size)
        if good:
            file.truncate(good)
            os.fsync(file.fileno())
    return good


def _whole(file: BinaryIO, size: int) -> int:
    """Where the last sample data ends whose index is there as well: top-level boxes of ISO/IEC 14496-12, 4.2."""
    good = 0
    indexed = data = False
    for _, end, kind in _boxes(file, size):
        if kind == b"moov" and not indexed:
            indexed = True
            good = end if data else good  # the index of a file that was ended stands behind its data
        elif kind == b"mdat":
            data = True
            good = end if indexed else good
    return good


def _boxes(file: BinaryIO, size: int) -> Iterator[tuple[int, int, bytes]]:
    """Begin, end and kind of each top-level box that is whole."""
    at = 0
    while at + 8 <= size:
        file.seek(at)
        head = file.read(16)
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length < 8 or at + length > size:
            return
        yield at, at + length, kind
        at += length
