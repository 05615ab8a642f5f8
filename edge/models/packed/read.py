"""A packed file back into weights and a skeleton, within bounds that are known before anything is decoded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edge.engines.base import Unpacked
from edge.models.manifest import Manifest
from edge.models.packed.pack import Origin
from edge.models.packed.weight import Coded


@dataclass(frozen=True, slots=True)
class Packed:
    """A packed file whose structure, hash and signature hold; nothing of its tensors is decoded yet.

    carrier: `onnx`, `tflite` or `openvino`
    size: of the file, in bytes
    key: the public key that signed it, 32 bytes; None where it is not signed
    peak_bytes: what decoding takes at most beside the tensors that the caller keeps
    """

    path: Path
    sha256: str
    size: int
    carrier: str
    manifest: Manifest
    origin: Origin
    tool: str
    tensors: tuple[Coded, ...]
    key: bytes | None
    peak_bytes: int

    @property
    def suffix(self) -> str:
        """Of the plain file."""
        raise NotImplementedError

    def skeleton(self) -> bytes:
        """The carrier's skeleton. Raises ModelError."""
        raise NotImplementedError

    def weights(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """The tensors by name, in the file's order, decoded a window at a time. Raises ModelError."""
        raise NotImplementedError

    def plain(self) -> bytes:
        """The plain file. Raises ModelError."""
        raise NotImplementedError

    def unpacked(self) -> Unpacked:
        """What an engine loads."""
        raise NotImplementedError


def read(path: Path, keys: Sequence[bytes] = ()) -> Packed:
    """Read a packed file, check its structure, hash and signature.

    Args:
        keys: Ed25519 public keys of 32 bytes; if any, a file must be signed by one of them.

    Raises:
        ModelError: it cannot be read, is no packed file, damaged, too large, not signed or by nobody known.
        MissingError: a signature must be verified and the package `cryptography` is not here.
    """
    raise NotImplementedError
