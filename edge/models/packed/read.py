"""A packed file back into weights and a skeleton, within bounds that are known before anything is decoded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import Unpacked
from edge.errors import ModelError
from edge.hardware import memory_mb
from edge.models.manifest import Manifest
from edge.models.packed import carriers, rans
from edge.models.packed.bits import Damaged
from edge.models.packed.codecs import Opened, open_block
from edge.models.packed.coded import Coded, Origin
from edge.models.packed.container import split
from edge.models.packed.dictionary import DICTIONARY
from edge.models.packed.head import SUFFIXES, Head, read_head
from edge.models.packed.limits import FILE_BYTES, STREAMS, WINDOW
from edge.models.packed.signing import verifier
from edge.models.packed.tables import TOTAL
from edge.models.packed.zstd import inflate, unsqueeze
from edge.paths import read_bounded


@dataclass(frozen=True, slots=True)
class Packed:
    """A packed file whose structure, hash and signature hold; nothing of its tensors is decoded yet.

    size: of the file, in bytes
    key: the public key that signed it, 32 bytes; None where it is not signed
    """

    path: Path
    sha256: str
    size: int
    key: bytes | None
    _head: Head = field(repr=False)
    _blocks: memoryview = field(repr=False)

    @property
    def carrier(self) -> str:
        """`onnx`, `tflite` or `openvino`."""
        return self._head.carrier

    @property
    def suffix(self) -> str:
        """Of the plain file."""
        return SUFFIXES[self._head.carrier]

    @property
    def manifest(self) -> Manifest:
        """What the model takes and gives, and what its numbers mean."""
        return self._head.manifest

    @property
    def origin(self) -> Origin:
        """Where it is from, its version and the report."""
        return self._head.origin

    @property
    def tool(self) -> str:
        """What packed it."""
        return self._head.tool

    @property
    def tensors(self) -> tuple[Coded, ...]:
        """How each tensor is stored, in the file's order."""
        return self._head.tensors

    @property
    def peak_bytes(self) -> int:
        """What decoding takes at most beside the tensors that the caller keeps."""
        return self._head.peak_bytes

    def skeleton(self) -> bytes:
        """The carrier's skeleton. Raises ModelError."""
        wanted = self._head.skeleton
        data = self._blocks[: wanted.bytes]
        try:
            if wanted.coding == "deflate":
                return inflate(data, wanted.size, DICTIONARY)
            if wanted.coding == "zstd":
                return unsqueeze(data, wanted.size)
        except Damaged as fault:
            raise ModelError(f"{self.path}: its skeleton {fault}") from None
        return bytes(data)

    def weights(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """The tensors by name, in the file's order, decoded a window at a time.

        Raises:
            ModelError: a tensor is not what the file says of it, or there is no memory for it.
        """
        plain = sum(tensor.count * np.dtype(tensor.dtype).itemsize for tensor in self.tensors)
        needed, here = (self.peak_bytes + plain >> 20) + 1, memory_mb()[0]
        # Linux promises more memory than it has, and ends whoever takes it at its word.
        if here is not None and needed > here:
            raise ModelError(f"{self.path}: takes up to {needed} MB to decode, and this machine has {here}")
        try:
            yield from self._weights()
        except MemoryError:
            raise ModelError(f"{self.path}: no memory: it takes up to {needed} MB to decode") from None

    def _weights(self) -> Iterator[tuple[str, NDArray[Any]]]:
        at, load, streams = self._head.skeleton.bytes, 0, 0
        window: list[tuple[Coded, Opened]] = []
        for tensor in self.tensors:
            try:
                data = self._blocks[at : at + tensor.bytes]
                opened = open_block(tensor.codec, data, np.dtype(tensor.dtype), tensor.shape)
                streams += len(opened.streams)
                if streams > STREAMS:
                    raise Damaged(f"has the entropy coder's stream number {streams}: {STREAMS} are the most of a file")
            except Damaged as fault:
                raise ModelError(f"{self.path}: its tensor {tensor.name!r} {fault}") from None
            at += tensor.bytes
            own = tensor.count + TOTAL * len(opened.streams)
            if window and load + own > WINDOW:
                yield from self._decoded(window)
                window, load = [], 0
            window.append((tensor, opened))
            load += own
        yield from self._decoded(window)

    def _decoded(self, window: Sequence[tuple[Coded, Opened]]) -> Iterator[tuple[str, NDArray[Any]]]:
        try:
            symbols = rans.decode([stream for _, opened in window for stream in opened.streams])
        except Damaged as fault:
            names = " or ".join(repr(tensor.name) for tensor, _ in window)
            raise ModelError(f"{self.path}: its tensor {names[:200]} {fault}") from None
        for tensor, opened in window:
            own = len(opened.streams)
            try:
                array = opened.finish(symbols[:own])
            except Damaged as fault:
                raise ModelError(f"{self.path}: its tensor {tensor.name!r} {fault}") from None
            del symbols[:own]
            yield tensor.name, array

    def check(self) -> None:
        """Decode everything, and compare with what the manifest says. Raises ModelError."""
        self._split()
        for tensor, (_, array) in zip(self.tensors, self.weights(), strict=True):
            if np.count_nonzero(array) != tensor.nonzero:
                raise ModelError(f"{self.path}: its tensor {tensor.name!r} has not as many values as its manifest says")

    def _split(self) -> bytes:
        """The skeleton, once it has the very places that the tensors want. Raises ModelError."""
        skeleton = self.skeleton()
        if self.carrier == "onnx":
            try:
                declared = {(one.name, one.dtype, one.shape) for one in carriers.external_names(skeleton)}
            except ModelError as fault:
                raise ModelError(f"{self.path}: its skeleton: {fault}") from None
            if declared != {(tensor.name, tensor.dtype, tensor.shape) for tensor in self.tensors}:
                raise ModelError(f"{self.path}: its skeleton wants other tensors than it has")
        return skeleton

    def plain(self) -> bytes:
        """The plain file, of an OpenVINO IR the .xml. Raises ModelError."""
        try:
            if self.carrier == "onnx":
                return carriers.fill_onnx(self.skeleton(), self.weights())
            if self.carrier == "openvino":
                return carriers.split_ir(self.skeleton())[0]
            return carriers.fill_holes(self.skeleton(), self._head.size, self._pieces())
        except ModelError as fault:
            raise self._named(fault) from None

    def blob(self) -> bytes:
        """The .bin of an OpenVINO IR, else nothing. Raises ModelError."""
        if self.carrier != "openvino":
            return b""
        try:
            return carriers.fill_holes(carriers.split_ir(self.skeleton())[1], self._head.size, self._pieces())
        except ModelError as fault:
            raise self._named(fault) from None

    def _pieces(self) -> Iterator[tuple[int, NDArray[Any]]]:
        for tensor, (_, array) in zip(self.tensors, self.weights(), strict=True):
            yield tensor.at or 0, array

    def _named(self, fault: ModelError) -> ModelError:
        said = str(fault)
        return fault if said.startswith(str(self.path)) else ModelError(f"{self.path}: {said}")

    def unpacked(self) -> Unpacked:
        """What an engine loads."""
        apart = (lambda: (self._split(), self.weights())) if self.carrier == "onnx" else None
        return Unpacked(self.path, self.suffix, self.sha256, self.plain, self.blob, apart)


def read(path: Path, keys: Sequence[bytes] = ()) -> Packed:
    """Read a packed file, check its structure, hash and signature.

    Args:
        keys: Ed25519 public keys of 32 bytes; if any, a file must be signed by one of them.

    Raises:
        ModelError: it cannot be read, is no packed file, damaged, too large, not signed or by nobody known.
        MissingError: a signature must be verified and the package `cryptography` is not here.
    """
    try:
        content = read_bounded(path, FILE_BYTES)
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file") from None
    except (OSError, ValueError) as fault:
        raise ModelError(f"{path}: cannot be read: {getattr(fault, 'strerror', None) or fault}") from None
    except MemoryError:
        raise ModelError(f"{path}: no memory to read it") from None
    return parse(content, path, keys)


def parse(content: bytes, path: Path, keys: Sequence[bytes] = ()) -> Packed:
    """As `read`, of a file's content; `path` is for messages."""
    try:
        found = split(content, keys, verifier(bool(keys)))
        head = read_head(found.manifest, found.manifest_size, path, len(content))
        used = head.skeleton.bytes + sum(tensor.bytes for tensor in head.tensors)
        if used != len(found.blocks):
            raise Damaged(f"has blocks of {len(found.blocks)} bytes, and its manifest tells of {used}")
        if head.skeleton.coding == "stored" and head.skeleton.bytes != head.skeleton.size:
            raise Damaged("has a skeleton of two sizes")
    except Damaged as fault:
        raise ModelError(f"{path}: {fault}") from None
    return Packed(path, hashlib.sha256(content).hexdigest(), len(content), found.key, head, found.blocks)
