"""An update, `.epd`: what is new in a packed file against the one before; what is not new is copied from that one.

    bytes            what
    4                magic, "EPKD"
    2                version of the format, 1
    2                flags, 0
    32               sha256 of the old file
    32               sha256 of the new file
    8                length of the new file
    4                n, the number of steps
    n * 17           the steps: kind (1 byte), offset (8), length (8)
    the rest         what the steps of kind 1 insert, in their order, without gaps
    32               sha256 of all before

Numbers are little-endian. Steps of kind 0 copy from `offset` of the old file, those of kind 1 insert, and have offset
0; together they make the new file from its first byte to its last. What comes out is hashed before it is believed, and
as it is the new file to the byte, its own hash and signature hold.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.models.packed.limits import FILE_BYTES

MAGIC = b"EPKD"
SUFFIX = ".epd"
VERSION = 1
MOST_STEPS = 1 << 16
LEAST = (32, 1 << 10, 1 << 15, 1 << 20)
"""The shortest copies; longer ones where the steps would be more than may be."""
MOST_GROWTH = 4
"""A file may be so many times as long as the old one and what is inserted: repeated copies fill no memory."""
MOST_BYTES = FILE_BYTES
"""Of an update, and of what it makes."""
_HEAD = struct.Struct("<4sHH32s32sQI")
_STEP = struct.Struct("<BQQ")
_DIGEST = 32
COPY, INSERT = 0, 1
WINDOW = 32
"""Bytes that must agree before a copy is considered: less than that costs as much as it saves."""
_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 1 << 64)
_AT_ONCE = WINDOW << 15
"""Windows that are hashed at once, 8 bytes each in a handful of arrays."""


@dataclass(frozen=True, slots=True)
class Update:
    """An update whose hash and structure hold.

    old, new: sha256 of the file that it is for and of the one that it makes, lower-case hex
    size: of the new file
    steps: kind, offset and length of each
    """

    old: str
    new: str
    size: int
    steps: tuple[tuple[int, int, int], ...]
    inserts: memoryview


def is_update(content: bytes) -> bool:
    """Whether bytes claim to be an update."""
    return content.startswith(MAGIC)


def diff(old: bytes, new: bytes) -> bytes:
    """The update that makes `new` from `old`."""
    steps: list[tuple[int, int, int]] = []
    for least in LEAST:
        steps = list(_steps(old, new, least))
        if len(steps) <= MOST_STEPS:
            break
    if len(new) > _most(len(old), sum(length for kind, _, length in steps if kind == INSERT)):
        steps = [(INSERT, 0, len(new))]
    head = _HEAD.pack(
        MAGIC, VERSION, 0, hashlib.sha256(old).digest(), hashlib.sha256(new).digest(), len(new), len(steps)
    )
    table = b"".join(_STEP.pack(kind, at if kind == COPY else 0, length) for kind, at, length in steps)
    inserted = b"".join(new[at : at + length] for kind, at, length in steps if kind == INSERT)
    body = head + table + inserted
    return body + hashlib.sha256(body).digest()


def parse(content: bytes, where: object) -> Update:
    """Check an update. `where` is named in messages.

    Raises:
        ModelError: it is none, is damaged, or its steps do not make a file of the length that it says.
    """
    if len(content) < _HEAD.size + _DIGEST or not is_update(content):
        raise ModelError(f"{where}: not an update of a packed model")
    _magic, version, flags, old, new, size, count = _HEAD.unpack_from(content)
    if version != VERSION or flags:
        raise ModelError(f"{where}: an update of format {version}.{flags}; this release knows {VERSION}.0")
    if hashlib.sha256(memoryview(content)[:-_DIGEST]).digest() != content[-_DIGEST:]:
        raise ModelError(f"{where}: damaged: its hash does not hold; fetch it again")
    first = _HEAD.size + count * _STEP.size
    if count > MOST_STEPS or size > MOST_BYTES or first > len(content) - _DIGEST:
        raise ModelError(f"{where}: more parts or bytes than an update may have")
    steps = tuple(_STEP.iter_unpack(content[_HEAD.size : first]))
    inserts = memoryview(content)[first:-_DIGEST]
    wrong = _wrong(steps, size, len(inserts))
    if wrong:
        raise ModelError(f"{where}: {wrong}")
    return Update(old.hex(), new.hex(), size, steps, inserts)


def apply(update: Update, old: bytes, where: object) -> bytes:
    """The new file, to the byte. `where` is named in messages.

    Raises:
        ModelError: `old` is not the file that the update is for, or what comes out is not the new one.
    """
    if hashlib.sha256(old).hexdigest() != update.old:
        raise ModelError(f"{where}: an update of another file: it wants the one with sha256 {update.old[:12]}…")
    if update.size > _most(len(old), len(update.inserts)):
        raise ModelError(f"{where}: it would make {update.size:,} bytes out of {len(old) + len(update.inserts):,}")
    made = bytearray()
    taken = 0
    for kind, at, length in update.steps:
        if kind == COPY:
            if at + length > len(old):
                raise ModelError(f"{where}: it copies from behind the end of the old file")
            made += memoryview(old)[at : at + length]
        else:
            made += update.inserts[taken : taken + length]
            taken += length
    if hashlib.sha256(made).hexdigest() != update.new:
        raise ModelError(f"{where}: what it makes is not the file that it promises")
    return bytes(made)


def _most(old: int, inserted: int) -> int:
    return MOST_GROWTH * (old + inserted)


def _wrong(steps: Sequence[tuple[int, int, int]], size: int, inserts: int) -> str | None:
    """What keeps steps from making a file of `size` bytes out of so many that are inserted; None if nothing does."""
    made = inserted = 0
    for kind, at, length in steps:
        if kind not in (COPY, INSERT) or not length or (kind == INSERT and at) or at + length > 1 << 62:
            return f"a part of kind {kind}, offset {at} and length {length} is none"
        made += length
        inserted += length if kind == INSERT else 0
    if made != size or inserted != inserts:
        return f"its parts make {made} bytes and insert {inserted}; it says {size}, and holds {inserts}"
    return None


def _steps(old: bytes, new: bytes, least: int) -> Iterator[tuple[int, int, int]]:
    """Kind, offset and length of the parts of `new`; the offset is into `old` for a copy, into `new` for an insert."""
    done = 0
    for at, source in _hits(old, new):
        if at < done or old[source : source + WINDOW] != new[at : at + WINDOW]:
            continue
        near = min(WINDOW, source, at - done)  # what begins earlier has had its hit already
        back = _common(old[source - near : source][::-1], new[at - near : at][::-1])
        ahead = WINDOW + _common(memoryview(old)[source + WINDOW :], memoryview(new)[at + WINDOW :])
        if back + ahead < least:
            continue
        if at - back > done:
            yield INSERT, done, at - back - done
        yield COPY, source - back, back + ahead
        done = at + ahead
    if done < len(new):
        yield INSERT, done, len(new) - done


def _hits(old: bytes, new: bytes) -> Iterator[tuple[int, int]]:
    """Places of `new` where a window begins whose hash one of `old` has that begins at a multiple of `WINDOW`."""
    if len(old) < WINDOW or len(new) < WINDOW:
        return
    known = np.concatenate([hashes[::WINDOW] for hashes in _hashes(old)])
    order = np.argsort(known, kind="stable")
    ranked = known[order]
    for number, wanted in enumerate(_hashes(new)):
        rank = np.minimum(np.searchsorted(ranked, wanted), len(ranked) - 1)
        for at in np.flatnonzero(ranked[rank] == wanted).tolist():
            yield number * _AT_ONCE + at, int(order[rank[at]]) * WINDOW


def _hashes(content: bytes) -> Iterator[NDArray[np.uint64]]:
    """A hash of every window, `_AT_ONCE` at a time: the polynomial of its bytes modulo 2^64, by differences of sums.

    Source: Karp and Rabin, Efficient randomized pattern-matching algorithms, 1987 (here with an invertible base).
    """
    most = min(len(content), _AT_ONCE + WINDOW)
    ups, downs = _powers(_BASE, most), _powers(_INVERSE, most)
    for first in range(0, len(content) - WINDOW + 1, _AT_ONCE):
        span = content[first : first + _AT_ONCE + WINDOW - 1]
        values = np.frombuffer(span, np.uint8).astype(np.uint64) + np.uint64(1)
        sums = np.zeros(len(span) + 1, np.uint64)
        np.cumsum(values * ups[: len(span)], out=sums[1:])
        yield (sums[WINDOW:] - sums[:-WINDOW]) * downs[: len(sums) - WINDOW]


def _powers(base: int, count: int) -> NDArray[np.uint64]:
    """1, base, base^2... modulo 2^64."""
    factors = np.full(count, base, np.uint64)
    factors[0] = 1
    return np.cumprod(factors, dtype=np.uint64)


def _common(one: bytes | memoryview, other: bytes | memoryview) -> int:
    """How many bytes two texts have in common from their first on."""
    length = min(len(one), len(other))
    done, block = 0, 256
    while done < length:
        span = min(block, length - done)
        mine, theirs = one[done : done + span], other[done : done + span]
        if mine != theirs:
            differs = np.frombuffer(mine, np.uint8) != np.frombuffer(theirs, np.uint8)
            return done + int(differs.argmax())
        done, block = done + span, min(block * 2, 1 << 20)
    return length
