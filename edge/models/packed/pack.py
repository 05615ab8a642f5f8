"""Weights and a skeleton into the bytes of a packed file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edge.models.manifest import Manifest
from edge.models.packed.weight import Weight


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a packed model is from, for its manifest.

    source_sha256: of the file that was compressed, lower-case hex
    version: of the model, which only grows: an installed model is replaced by a lower one only on demand
    report: quality and latency as they were measured, JSON values; small
    """

    source_sha256: str
    version: int = 1
    report: Mapping[str, Any] = field(default_factory=dict)


def pack(
    carrier: str,
    skeleton: bytes,
    weights: Sequence[Weight],
    manifest: Manifest,
    origin: Origin,
    sign: Callable[[bytes], tuple[bytes, bytes]] | None = None,
    progress: Callable[[float], None] = lambda part: None,
) -> bytes:
    """A packed file. Each tensor is coded in every way that can hold it, and the smallest by measured bytes is taken.

    Args:
        carrier: `onnx`, `tflite` or `openvino`.
        skeleton: the plain file without its weights: an ONNX model whose initializers are declared external; a TFLite
            file with the weights' bytes cut out; an IR's .xml.
        weights: in the carrier's order; by offset for carriers that place by offset.
        manifest: as for the plain file; its sha256 is not kept.
        sign: given the digest of what is signed, the Ed25519 public key and the signature (see `signing`).
        progress: told how far it is, 0..1.

    Raises:
        ModelError: more tensors or bytes than the format allows, a name twice.
    """
    raise NotImplementedError
