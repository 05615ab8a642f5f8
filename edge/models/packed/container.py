"""The outermost layer of a packed file: header, hash, signature, manifest, blocks without gaps.

    0   4  magic 89 45 50 4B ("\\x89EPK")
    4   1  version of the format, 1
    5   1  flags: 1 where it is signed; all others 0
    6   2  reserved, 0
    8   4  bytes of the manifest as it lies in the file
    12  4  bytes of the manifest, inflated
    16  32 sha256 of bytes 0 to 15 and of all that follows the signature
    48  96 where it is signed: Ed25519 public key (32) and signature (64) of bytes 0 to 47
    ...    the manifest, deflated; then the skeleton's block and one block a tensor, to the end of the file

Numbers are little-endian.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

from edge.models.packed.bits import Damaged
from edge.models.packed.limits import FILE_BYTES, MANIFEST_BYTES

MAGIC = b"\x89EPK"
VERSION = 1
SIGNED = 1
PREFIX = struct.Struct("<4sBBHII")
HASH_BYTES = 32
KEY_BYTES, SIGNATURE_BYTES = 32, 64

Sign = Callable[[bytes], "tuple[bytes, bytes]"]
"""Given the bytes to be signed, the Ed25519 public key and the signature."""
Verify = Callable[[bytes, bytes, bytes], bool]
"""Whether a signature (third) of bytes (second) is that of a public key (first)."""


class Contents(NamedTuple):
    """What a sound file holds.

    manifest: deflated
    manifest_size: inflated
    key: of whoever signed it, None if nobody did
    """

    manifest: memoryview
    manifest_size: int
    blocks: memoryview
    key: bytes | None


def seal(manifest: bytes, manifest_size: int, blocks: Sequence[bytes], sign: Sign | None = None) -> bytes:
    """A whole file."""
    flags = SIGNED if sign else 0
    prefix = PREFIX.pack(MAGIC, VERSION, flags, 0, len(manifest), manifest_size)
    body = b"".join([manifest, *blocks])
    head = prefix + hashlib.sha256(prefix + body).digest()
    return head + (b"".join(sign(head)) if sign else b"") + body


def resign(content: bytes, sign: Sign | None) -> bytes:
    """A sound file with another signature, or with none. Raises Damaged for one that is not sound."""
    found = split(content)
    return seal(bytes(found.manifest), found.manifest_size, [bytes(found.blocks)], sign)


def split(content: bytes, allowed: Sequence[bytes] = (), verify: Verify | None = None) -> Contents:
    """Take a file apart once its lengths, hash and signature hold.

    Args:
        allowed: public keys; if any, the file must be signed by one of them.
        verify: checks a signature; without it none is checked, which only a file that needs none passes.

    Raises:
        Damaged: what does not hold.
    """
    view = memoryview(content)
    if len(view) > FILE_BYTES:
        raise Damaged(f"has more than {FILE_BYTES >> 20} MB")
    if len(view) < PREFIX.size + HASH_BYTES or bytes(view[:4]) != MAGIC:
        raise Damaged("is no packed model, whatever its name; `edge compress` makes one of a plain model")
    _, version, flags, reserved, stored, size = PREFIX.unpack_from(view)
    if version != VERSION:
        raise Damaged(f"is of format {version}, and this release reads {VERSION}: update edge")
    if flags & ~SIGNED or reserved:
        raise Damaged("has flags that this release does not know")
    start = PREFIX.size + HASH_BYTES
    body = start + (KEY_BYTES + SIGNATURE_BYTES if flags & SIGNED else 0)
    if size > MANIFEST_BYTES or stored > len(view) - body:
        raise Damaged("has a manifest that is longer than it may be")
    digest = hashlib.sha256(view[: PREFIX.size])
    digest.update(view[body:])
    if not hmac.compare_digest(digest.digest(), view[PREFIX.size : start]):
        raise Damaged("is damaged: its content does not have the hash that it names")
    key = bytes(view[start : start + KEY_BYTES]) if flags & SIGNED else None
    if allowed and key is None:
        raise Damaged(
            "is not signed, and this device takes only models that are: `edge sign` it on the workstation, or let any "
            "in again with `edge models trust --remove NAME`"
        )
    if allowed and key not in allowed:
        raise Damaged(
            "is signed by a key that this device does not trust; `edge models trust --list` shows those it does"
        )
    signed = bytes(view[:start]), bytes(view[start + KEY_BYTES : body])
    if key is not None and (allowed or verify) and (verify is None or not verify(key, *signed)):
        raise Damaged("has a signature that does not hold")
    return Contents(view[body : body + stored], size, view[body + stored :], key)
