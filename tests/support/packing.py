"""Plain model files as what a packed file gives, without one: what engines load is tested apart from the format."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

from edge.engines.base import Unpacked
from edge.models.manifest import parse_manifest
from edge.models.packed import carriers
from edge.models.packed.coded import Origin
from edge.models.packed.pack import pack
from edge.models.packed.read import read
from edge.models.packed.weight import Weight
from edge.tools.carrier_ir import cut_ir, read_ir
from edge.tools.carrier_tflite import cut_tflite

MANIFEST = {
    "name": "tiny",
    "decoder": "classes",
    "labels": ["a", "b"],
    "input": {"name": "x", "width": 8, "height": 8, "layout": "NCHW", "dtype": "float32"},
    "outputs": {"scores": "y"},
}
Weights: TypeAlias = "dict[str, NDArray[Any]]"


def skeleton_of(content: bytes, least: int = 64) -> tuple[bytes, Weights]:
    """An ONNX skeleton by the onnx package, and its weights: initializers of so many values, integers of shapes not."""
    model = onnx.load_from_string(content)
    weights: Weights = {}
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.size < least or tensor.data_type == TensorProto.INT64:
            continue
        weights[tensor.name] = array
        bare = TensorProto(name=tensor.name, dims=tensor.dims, data_type=tensor.data_type)
        bare.data_location = TensorProto.EXTERNAL
        bare.external_data.add(key="location", value="w")
        tensor.CopyFrom(bare)
    return model.SerializeToString(), weights


def unpacked(model: Path, *, least: int = 5) -> Unpacked:
    """What a packed file beside a model would give; no such file is there.

    least: values of an ONNX weight; what shapes depend on is small, and cannot be outside of a file.
    """
    content = model.read_bytes()
    made: dict[str, Callable[[], Any]] = {}
    if model.suffix == ".onnx":
        skeleton, weights = skeleton_of(content, least)

        def given() -> tuple[bytes, Iterator[tuple[str, NDArray[Any]]]]:
            copies = ((name, array.copy()) for name, array in weights.items())
            return skeleton, carriers.matched(carriers.external_names(skeleton), copies)

        made = {"plain": lambda: carriers.fill_onnx(skeleton, weights.items()), "skeleton": given}
    elif model.suffix == ".tflite":
        left, cut = cut_tflite(content)
        made = {"plain": lambda: carriers.fill_holes(left, len(content), pieces(cut))}
    else:
        xml, blob = read_ir(model)
        joined, cut = cut_ir(xml, blob)
        made = {
            "plain": lambda: carriers.split_ir(joined)[0],
            "blob": lambda: carriers.fill_holes(carriers.split_ir(joined)[1], len(blob), pieces(cut)),
        }
    return Unpacked(model.with_suffix(".epk"), model.suffix, hashlib.sha256(content).hexdigest(), **made)


def damaged(model: Path, content: bytes) -> Unpacked:
    """A packed file whose plain file is this."""
    return Unpacked(model.with_suffix(".epk"), model.suffix, hashlib.sha256(content).hexdigest(), lambda: content)


def pieces(weights: list[Weight]) -> list[tuple[int, NDArray[Any]]]:
    """What `fill_holes` takes."""
    return [(weight.at or 0, weight.array) for weight in weights]


def same(a: NDArray[Any], b: NDArray[Any]) -> bool:
    """Whether two arrays have one type, shape and content, bit by bit."""
    return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a.view(np.uint8), b.view(np.uint8))


def packed(model: Path) -> Unpacked:
    """What a real packed file of a model gives; the file is beside it."""
    content, size = model.read_bytes(), 0
    if model.suffix == ".onnx":
        skeleton, found = skeleton_of(content, 5)
        weights = [Weight(name, array) for name, array in found.items()]
    elif model.suffix == ".tflite":
        skeleton, weights = cut_tflite(content)
        size = len(content)
    else:
        xml, blob = read_ir(model)
        skeleton, weights = cut_ir(xml, blob)
        size = len(blob)
    manifest = parse_manifest(MANIFEST, model)
    origin = Origin(hashlib.sha256(content).hexdigest())
    carrier = {".onnx": "onnx", ".tflite": "tflite"}.get(model.suffix, "openvino")
    file = model.with_suffix(".epk")
    file.write_bytes(pack(carrier, skeleton, weights, manifest, origin, size=size))
    return read(file).unpacked()
