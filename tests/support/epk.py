"""Packed models of tiny networks, made on the spot."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from edge.models.manifest import Manifest, read_manifest
from edge.models.packed.coded import Origin
from edge.models.packed.container import Sign
from edge.models.packed.pack import pack
from edge.models.packed.weight import Weight
from tests.support.nets import GRID_MANIFEST, grid_detector


def packed_onnx(content: bytes, manifest: Manifest, version: int = 1, sign: Sign | None = None) -> bytes:
    """An ONNX file as a packed one: all float initializers of 64 values and more outside its skeleton."""
    model = onnx.load_from_string(content)
    weights = []
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.size < 64 or array.dtype != np.float32:
            continue
        weights.append(Weight(tensor.name, array))
        bare = TensorProto(name=tensor.name, dims=tensor.dims, data_type=tensor.data_type)
        bare.data_location = TensorProto.EXTERNAL
        bare.external_data.add(key="location", value="w")
        tensor.CopyFrom(bare)
    origin = Origin(hashlib.sha256(content).hexdigest(), version)
    return pack("onnx", model.SerializeToString(), weights, manifest, origin, sign=sign)


def packed_grid(
    folder: Path, version: int = 1, *, name: str = "grid", sign: Sign | None = None, broken: str = ""
) -> bytes:
    """The detector of `grid_detector`, each version with other weights in one of its tensors.

    broken: `manifest` for one whose outputs are not the head's, `nan` for one that gives no numbers
    """
    plain = grid_detector(folder / "made.onnx")
    model = onnx.load(plain)
    mean = next(tensor for tensor in model.graph.initializer if tensor.name == "mean")
    values = np.full((1, 3, 16, 16), np.nan if broken == "nan" else 1 / (3 * 256 * 255), np.float32)
    values[0, 0, 0, 0] *= 1 + version / 1000
    mean.CopyFrom(numpy_helper.from_array(values, "mean"))
    (folder / "made.toml").write_text(GRID_MANIFEST)
    manifest = replace(read_manifest(folder / "made.toml"), name=name)
    if broken == "manifest":
        manifest = replace(manifest, outputs={"predictions": "nothing"})
    plain.unlink()
    return packed_onnx(model.SerializeToString(), manifest, version, sign)
