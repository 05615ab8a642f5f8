"""An OpenVINO IR taken apart for packing: the constants in its .bin, by what its .xml says of them.

Source: https://docs.openvino.ai/2026/documentation/openvino-ir-format.html
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.parsers import expat

from edge.engines.base import one_line
from edge.errors import ModelError
from edge.models.packed.carriers import join_ir
from edge.models.packed.weight import Weight
from edge.paths import read_bounded
from edge.tools.cutting import cut

MOST_BYTES = 4 << 30
"""Of each of its files."""
DTYPES = {
    "f32": "float32",
    "f16": "float16",
    "i64": "int64",
    "i32": "int32",
    "i16": "int16",
    "i8": "int8",
    "u8": "uint8",
    "boolean": "bool",
}


def cut_ir(xml: bytes, blob: bytes) -> tuple[bytes, list[Weight]]:
    """The skeleton (`carriers.join_ir`), and the weights by offset in the .bin.

    Raises:
        ModelError: no IR, or one with a document type, which none has and which could be of any size.
    """
    rest, weights = cut(blob, list(_constants(xml)))
    return join_ir(xml, rest), weights


def read_ir(model: Path) -> tuple[bytes, bytes]:
    """The .xml, and the .bin that lies beside it. Raises ModelError."""
    try:
        return read_bounded(model, MOST_BYTES), read_bounded(model.with_suffix(".bin"), MOST_BYTES)
    except OSError as fault:
        raise ModelError(f"{model}: an OpenVINO IR is an .xml and the .bin beside it: {one_line(fault)}") from None


def _constants(xml: bytes) -> Iterator[tuple[str, tuple[int, ...], str, int]]:
    """Name, shape, element type and first byte of each constant."""
    layers: list[tuple[str, dict[str, str]]] = []
    inside: list[str | None] = [None]  # the name of the constant whose element is open, else None

    def opened(tag: str, attributes: dict[str, str]) -> None:
        if tag == "layer":
            inside[0] = attributes.get("name", "") if attributes.get("type") == "Const" else None
        elif tag == "data" and inside[0] is not None:
            layers.append((inside[0], attributes))

    def refuse(*_: object) -> None:
        raise ModelError("an .xml with a document type is no OpenVINO IR")

    parser = expat.ParserCreate()
    parser.StartElementHandler = opened
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(xml, True)
        for name, found in layers:
            dtype = DTYPES.get(found.get("element_type", ""))
            shape = tuple(int(side) for side in found.get("shape", "").split(",") if side.strip())
            if dtype is not None:
                yield name, shape, dtype, int(found["offset"])
    except (expat.ExpatError, ValueError, KeyError) as fault:
        raise ModelError(f"not an OpenVINO IR: {one_line(fault)}") from None
