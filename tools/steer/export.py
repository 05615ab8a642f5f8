"""A network as the files that its suffix asks for: packed, or plain with the manifest beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge.engines.base import need
from edge.engines.registry import MANIFEST
from edge.errors import UserError
from edge.models.manifest import NAME, Manifest, to_toml
from edge.tools.carrier_tflite import INSTALL as LITERT
from edge.tools.graph import INSTALL as TOOLS
from edge.tools.steer.flatbuffer import SCHEMA, tflite
from edge.tools.steer.layers import Net
from edge.tools.steer.network import packed, plain
from edge.types import F32

PACKED, ONNX, TFLITE = ".epk", ".onnx", ".tflite"


def check_suffix(output: Path) -> None:
    """Refuse a file that is called as none of the formats is, or as no model may be, or whose manifest would replace a
    file; UserError."""
    if output.suffix not in (PACKED, ONNX, TFLITE):
        raise UserError(f"--output {output}: call it NAME{PACKED}, NAME{ONNX} or NAME{TFLITE}: that tells the format")
    if not NAME.fullmatch(output.stem):
        wanted = "letters, digits, `.`, `_` and `-`"
        raise UserError(f"--output {output}: the model is called as its file is: {wanted}, not {output.stem!r}")
    beside = output.with_suffix(MANIFEST)
    if output.suffix != PACKED and beside.exists() and (beside.is_dir() or not output.exists()):
        raise UserError(f"{beside}: is there already, where the manifest of {output.name} goes; choose another name")


def check_writer(output: Path) -> None:
    """Say so before minutes of work where what writes a format is not here; MissingError."""
    if output.suffix == TFLITE:
        need(SCHEMA, LITERT)
        need("flatbuffers", LITERT)
    else:
        need("onnx", TOOLS)


def exported(
    output: Path, net: Net, weights: Mapping[str, F32], described: Manifest, report: Mapping[str, Any]
) -> dict[Path, bytes]:
    """The content of each file that is to be written, the model's first.

    Args:
        output: where the model goes; its suffix, one that `check_suffix` lets through, tells the format
        weights: as `layers` names and shapes them
        report: what was measured, for a packed file

    Raises:
        MissingError: what writes the format is not here.
    """
    if output.suffix == PACKED:
        return {output: packed(net, weights, described, report)}
    content = tflite(net, weights) if output.suffix == TFLITE else plain(net, weights)
    return {output: content, output.with_suffix(MANIFEST): to_toml(described).encode()}
