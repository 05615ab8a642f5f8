"""Model files as compression takes them: ONNX as a graph, other carriers as a skeleton and weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from edge.errors import ModelError
from edge.models.packed.read import Packed, read
from edge.models.packed.weight import Weight
from edge.models.store import Model
from edge.paths import read_bounded
from edge.tools import graph, squeezenet
from edge.tools.carrier_ir import cut_ir, read_ir
from edge.tools.carrier_tflite import cut_tflite

if TYPE_CHECKING:
    from onnx import ModelProto

PACKED = ".epk"
MOST_BYTES = 2 << 30
"""Of a TFLite file: flatbuffers have 32-bit offsets."""


@dataclass(frozen=True, slots=True)
class Source:
    """A model file that was read.

    carrier: `onnx`, `tflite` or `openvino`
    model: of the carrier `onnx`
    skeleton, weights, rest: of the other carriers, as `pack` wants them; rest: bytes of the plain file or .bin
    plain_bytes: of the uncompressed model: file, or .xml and .bin
    sha256: of the file that this all began with
    """

    carrier: str
    plain_bytes: int
    sha256: str
    model: ModelProto | None = None
    skeleton: bytes = b""
    weights: tuple[Weight, ...] = ()
    rest: int = 0


def open_source(found: Model, *, keep_opset: bool) -> Source:
    """Read a model file of any kind; of a packed one what is in it.

    Args:
        keep_opset: of ONNX, rather than raising it to what the tools need.

    Raises:
        ModelError: it cannot be read, or is of a kind that cannot be compressed.
        MissingError: a package that reads it is not here.
    """
    path, opset = found.path, 0 if keep_opset else graph.OPSET
    kind = path.suffix.lower()
    if kind == PACKED:
        return _unpacked(read(path), opset)
    if kind == squeezenet.SUFFIX:
        model = squeezenet.load(path)
        return Source("onnx", len(graph.to_bytes(model)), found.sha256, model)
    if kind == ".onnx":
        model = graph.load(path, opset)
        return Source("onnx", len(graph.to_bytes(model)), found.sha256, model)
    if kind == ".tflite":
        return _tflite(_content(path), found.sha256)
    if kind == ".xml":
        return _ir(*read_ir(path), found.sha256)
    raise ModelError(f"{path}: {kind or 'such'} files cannot be compressed; .onnx, .tflite, .xml and .epk can")


def _unpacked(packed: Packed, opset: int) -> Source:
    sha256 = packed.origin.source_sha256
    if packed.suffix == ".onnx":
        model = graph.load(packed.plain(), opset)
        return Source("onnx", len(graph.to_bytes(model)), sha256, model)
    if packed.suffix == ".tflite":
        return _tflite(packed.plain(), sha256)
    # The reader of IRs wants two files beside one another, as every engine does.
    with TemporaryDirectory(prefix="edge-compress-") as name:
        path = Path(name) / "model.xml"
        path.write_bytes(packed.plain())
        path.with_suffix(".bin").write_bytes(packed.blob())
        return _ir(*read_ir(path), sha256)


def _tflite(content: bytes, sha256: str) -> Source:
    skeleton, weights = cut_tflite(content)
    return Source("tflite", len(content), sha256, None, skeleton, tuple(weights), len(content))


def _ir(xml: bytes, blob: bytes, sha256: str) -> Source:
    skeleton, weights = cut_ir(xml, blob)
    return Source("openvino", len(xml) + len(blob), sha256, None, skeleton, tuple(weights), len(blob))


def _content(path: Path) -> bytes:
    try:
        return read_bounded(path, MOST_BYTES)
    except OSError as fault:
        raise ModelError(f"{path}: cannot be read: {fault.strerror or fault}") from None
