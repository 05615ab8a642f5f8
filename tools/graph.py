"""ONNX models as what compression looks at: which of their tensors are weights, and a copy with other ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import need, one_line
from edge.errors import ModelError
from edge.models.manifest import Manifest

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

INSTALL = "pip install 'edge-runtime[tools]'"
OPSET = 13
"""The first with a scale a channel (QuantizeLinear's `axis`)."""
IR = 4
"""The first IR in which an initializer need not be an input as well."""
FEWEST = 64
"""Values of a tensor that is worth coding; smaller ones stay in the skeleton."""
LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""Operators that make channels out of a float weight, their second input where it is constant."""
PRODUCTS = ("Conv", "Gemm", "MatMul")
"""Those of them whose patches can be told and that compute in integers; of a Gemm's patches, where `transA` is 0."""
INTEGER_OPERATORS = ("ConvInteger", "QLinearConv", "MatMulInteger", "QLinearMatMul")
"""The layers in integers; of all of them constant inputs are weights and biases."""
LINEAR = ("QuantizeLinear", "DequantizeLinear")
WEIGHT_DTYPES = ("float32", "float16", "int8", "uint8", "int32")


def load(source: Path | bytes, opset: int = OPSET) -> ModelProto:
    """Read an ONNX model, weights in other files included, and bring it into the form that the tools work on.

    Constants of the main graph become initializers, initializers are no inputs, nodes have names, and the opset is
    `opset` at least (0 leaves it). Shapes of inner tensors are not inferred; `inferred` does that.

    Raises:
        ModelError: no ONNX model, or one whose opset cannot be raised.
        MissingError: the package `onnx` is not here.
    """
    onnx = need("onnx", INSTALL)
    model: ModelProto
    where = source if isinstance(source, Path) else "the model"
    try:
        # Weights in other files are only followed from a path: its folder bounds them.
        model = onnx.load(str(source)) if isinstance(source, Path) else onnx.load_from_string(source)
        onnx.checker.check_model(model)
    except OSError as fault:
        raise ModelError(f"{where}: cannot be read: {fault.strerror or fault}") from None
    except _faults() as fault:
        raise ModelError(f"{where}: not an ONNX model: {one_line(fault)}") from None
    _constants_to_initializers(model)
    if 0 < _opset(model) < opset:
        try:
            model = onnx.version_converter.convert_version(model, opset)
        except _faults() as fault:
            raise ModelError(
                f"{where}: its opset {_opset(model)} cannot be raised to {opset}: {one_line(fault)}"
            ) from None
    model.ir_version = max(model.ir_version, IR)
    name_nodes(model)
    held = {tensor.name for tensor in model.graph.initializer}
    inputs = [given for given in model.graph.input if given.name not in held]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    return model


def check_names(model: ModelProto, manifest: Manifest) -> None:
    """Refuse a manifest whose input or outputs the model does not have; ModelError."""
    inputs, outputs = ([value.name for value in values] for values in (model.graph.input, model.graph.output))
    for kind, key, names in (
        ("input", manifest.input.name, inputs),
        *(("output", key, outputs) for key in manifest.outputs.values()),
    ):
        if key not in names if isinstance(key, str) else key >= len(names):
            held = ", ".join(names) or "none"
            raise ModelError(f"model {manifest.name}: no {kind} `{key}`, which its manifest names; it has: {held}")


def inferred(model: ModelProto) -> ModelProto:
    """A copy in which inner tensors have shapes, as far as they follow."""
    onnx = need("onnx", INSTALL)
    made: ModelProto = onnx.shape_inference.infer_shapes(model, data_prop=True)
    return made


def to_bytes(model: ModelProto) -> bytes:
    """The plain file; the same bytes for the same model."""
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def weights(model: ModelProto) -> dict[str, NDArray[Any]]:
    """The tensors worth coding by name, in the file's order: float or quantized, `FEWEST` values at least.

    Those are what convolutions and matrix products hold constant, biases among it, directly or through a
    (De)QuantizeLinear, Cast, Transpose or Reshape.
    """
    helper = need("onnx", INSTALL).numpy_helper
    used = _weighed(model)
    found = {tensor.name: helper.to_array(tensor) for tensor in model.graph.initializer if tensor.name in used}
    return {name: array for name, array in found.items() if array.size >= FEWEST and array.dtype.name in WEIGHT_DTYPES}


def replace(model: ModelProto, arrays: Mapping[str, NDArray[Any]]) -> ModelProto:
    """A copy with other values for some initializers; KeyError for a name that is none."""
    helper = need("onnx", INSTALL).numpy_helper
    made = _copy(model)
    places = {tensor.name: tensor for tensor in made.graph.initializer}
    for name, array in arrays.items():
        places[name].CopyFrom(helper.from_array(np.ascontiguousarray(array), name))
    return made


def skeleton(model: ModelProto, names: Iterable[str]) -> bytes:
    """The plain file without the values of these initializers, which it declares to lie elsewhere.

    What no engine needs is left out: texts, names of nodes, shapes of inner tensors; and inner tensors have short
    names, unless the model has sub-graphs, which see them.
    """
    onnx = need("onnx", INSTALL)
    cut = frozenset(names)
    made = _copy(model)
    for tensor in made.graph.initializer:
        tensor.ClearField("doc_string")
        if tensor.name in cut:
            bare = onnx.TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
            bare.data_location = onnx.TensorProto.EXTERNAL
            bare.external_data.add(key="location", value="w")
            tensor.CopyFrom(bare)
    _strip(made)
    return to_bytes(made)


def vectors(model: ModelProto) -> dict[str, NDArray[np.float32]]:
    """The float32 initializers of one dimension that one node alone takes, small ones too."""
    onnx = need("onnx", INSTALL)
    used = consumers(model)
    return {
        tensor.name: onnx.numpy_helper.to_array(tensor)
        for tensor in model.graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT and len(tensor.dims) == 1 and len(used.get(tensor.name, ())) == 1
    }


def consumers(model: ModelProto) -> dict[str, list[NodeProto]]:
    """The nodes of the main graph that take a tensor, by its name, in the graph's order."""
    found: dict[str, list[NodeProto]] = {}
    for node in model.graph.node:
        for name in dict.fromkeys(node.input):
            if name:
                found.setdefault(name, []).append(node)
    return found


def producers(model: ModelProto) -> dict[str, NodeProto]:
    """The node of the main graph that makes a tensor, by its name."""
    return {name: node for node in model.graph.node for name in node.output if name}


def attributes(node: NodeProto) -> dict[str, Any]:
    """A node's attributes by name, as Python values; texts as str."""
    value = need("onnx", INSTALL).helper.get_attribute_value
    found = {attribute.name: value(attribute) for attribute in node.attribute}
    return {name: v.decode() if isinstance(v, bytes) else v for name, v in found.items()}


def captured(model: ModelProto) -> frozenset[str]:
    """The tensors that sub-graphs read, their own among them."""
    found: set[str] = set()
    left = [inner for node in model.graph.node for inner in subgraphs(node)]
    while left:
        graph = left.pop()
        found.update(value.name for value in graph.output)
        for node in graph.node:
            found.update(node.input)
            left += subgraphs(node)
    return frozenset(found)


def subgraphs(node: NodeProto) -> list[GraphProto]:
    """The graphs that a node holds as attributes, those within them left out."""
    return [graph for a in node.attribute for graph in (*([a.g] if a.HasField("g") else []), *a.graphs)]


def name_nodes(model: ModelProto, anew: bool = False) -> None:
    """Name nodes without a name after what they make, in place, where no other has that name.

    Before 1.22 ONNX Runtime's fusions name what they make after these alone, and two of one name are a fault.

    Args:
        anew: the others as well.
    """
    taken = {node.name for node in model.graph.node if not anew}
    for node in model.graph.node:
        made = next((name for name in node.output if name), "")
        if anew or (not node.name and made not in taken):
            node.name = made


def _weighed(model: ModelProto) -> set[str]:
    """The tensors that are an operand of a layer, or what such an operand is made of alone."""
    made_by = producers(model)
    used: set[str] = set()
    left = [name for node in model.graph.node if node.op_type in (*LAYERS, *INTEGER_OPERATORS) for name in node.input]
    left += [node.input[0] for node in model.graph.node if node.op_type in LINEAR]
    while left:
        name = left.pop()
        if name in used:
            continue
        used.add(name)
        node = made_by.get(name)
        if node is not None and node.op_type in (*LINEAR, "Cast", "Transpose", "Reshape"):
            left.append(node.input[0])
    return used


def _constants_to_initializers(model: ModelProto) -> None:
    helper = need("onnx", INSTALL).numpy_helper
    kept = []
    outputs = {given.name for given in model.graph.output}
    for node in model.graph.node:
        value = next((attribute.t for attribute in node.attribute if attribute.name == "value"), None)
        if node.op_type != "Constant" or value is None or node.output[0] in outputs:
            kept.append(node)
        else:
            model.graph.initializer.append(helper.from_array(helper.to_array(value), node.output[0]))
    del model.graph.node[:]
    model.graph.node.extend(kept)


def _strip(model: ModelProto) -> None:
    graph = model.graph
    for field in ("doc_string", "producer_name", "producer_version", "domain", "model_version", "metadata_props"):
        model.ClearField(field)
    for field in ("doc_string", "value_info", "metadata_props"):
        graph.ClearField(field)
    nested = any(subgraphs(node) for node in graph.node)
    fixed = {value.name for values in (graph.input, graph.output, graph.initializer) for value in values} | {""}
    inner = [name for node in graph.node for name in node.output if name not in fixed]
    short = {} if nested else dict(zip(inner, _unused(fixed), strict=False))
    for node in graph.node:
        for field in ("doc_string", "metadata_props"):
            node.ClearField(field)
        for names in (node.input, node.output):
            names[:] = [short.get(name, name) for name in names]
    name_nodes(model, anew=True)


def _unused(taken: set[str]) -> Iterable[str]:
    """Short names without end, none of them taken."""
    number = 0
    while True:
        if (name := f"{number:x}") not in taken:
            yield name
        number += 1


def _copy(model: ModelProto) -> ModelProto:
    made = type(model)()
    made.CopyFrom(model)
    return made


def _opset(model: ModelProto) -> int:
    return max((used.version for used in model.opset_import if used.domain in ("", "ai.onnx")), default=0)


def _faults() -> tuple[type[Exception], ...]:
    """What `onnx` raises of a file that is none: its binding's errors share no base with protobuf's."""
    onnx = need("onnx", INSTALL)
    decode = need("google.protobuf.message", INSTALL).DecodeError
    return (decode, onnx.checker.ValidationError, RuntimeError, ValueError, TypeError, IndexError)
