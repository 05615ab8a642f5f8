"""Messages of the Open Inference Protocol, version 2, from and to arrays; nothing that a server says is believed.

Sources: https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md and its
binary tensor data extension, where tensors follow the JSON as little-endian bytes, row by row.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from http.client import HTTPResponse
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import EngineOptions, Feed, TensorSpec, Unsupported, fits, one_line
from edge.engines.kserve_http import Odd
from edge.engines.kserve_json import from_json, parse

DTYPES = {
    "BOOL": "bool",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "FP16": "float16",
    "FP32": "float32",
    "FP64": "float64",
}
DATATYPES = {dtype: datatype for datatype, dtype in DTYPES.items()}
HEADER = "Inference-Header-Content-Length"
MESSAGE_LIMIT = 1 << 20
"""Bytes of JSON that carry no tensor data: metadata, and what stands before binary tensors."""
OPEN_LIMIT = 64 << 20
"""Bytes of all outputs of one answer where the model leaves their sizes open."""
DIGITS = 32
"""Bytes that one number may take as JSON, comma and brackets included."""
OPEN_NUMBERS = 1 << 20
"""Numbers in one answer that is all JSON where the model leaves sizes open: as Python objects they take 64 MB."""
JSON_NUMBERS = 1 << 21
"""Numbers in any answer that is all JSON; a YOLOv8 that segments has 1.8 million."""
FIXED_LIMIT = 128 << 20
"""Bytes of all inputs or all outputs by the model's description: a frame of 4K as float32 has 100 MB."""
NAME_LIMIT = 256
RANKS = 32
"""Axes that a tensor may have; as many as every release of NumPy takes."""


def specs(model: Mapping[str, Any], key: str, options: EngineOptions) -> tuple[TensorSpec, ...]:
    """The tensors that a model's metadata describe under `inputs` or `outputs`; Odd where they are not described."""
    listed = model.get(key)
    if not isinstance(listed, list) or not listed:
        raise Odd(f"it does not say what {key} the model has")
    made = tuple(_spec(entry, options) for entry in listed)
    if len({spec.name for spec in made}) != len(made):
        raise Odd(f"it gives two of the model's {key} one name")
    told = sum(_least(spec) for spec in made)
    if told > FIXED_LIMIT:
        raise Unsupported(f"the model's {key} have {told} bytes, more than the {FIXED_LIMIT} that the runtime handles")
    return made


def _spec(entry: Any, options: EngineOptions) -> TensorSpec:
    name, datatype, sizes = _named(entry), entry.get("datatype"), entry.get("shape")
    if len(name) > NAME_LIMIT or not name.isprintable():
        raise Odd(f"tensor `{_short(name)}` has a name of more than {NAME_LIMIT} characters or of unprintable ones")
    if not _can_be(sizes, -1):
        raise Odd(f"tensor `{_short(name)}` has no shape that can be: {_short(sizes)}")
    if not isinstance(datatype, str) or datatype not in DTYPES:
        raise Unsupported(f"tensor `{name}` is {_short(datatype)}, which the runtime does not handle")
    shape = tuple(None if size == -1 else size for size in sizes)
    given = options.inputs.get(name)
    return TensorSpec(name, given if given and fits(shape, given) else shape, DTYPES[datatype])


def request(
    feed: Feed, outputs: Sequence[TensorSpec], *, binary: bool
) -> tuple[list[bytes | memoryview], dict[str, str]]:
    """Body and headers of an inference request; contiguous arrays are sent from where they are."""
    inputs: list[dict[str, Any]] = []
    pieces: list[bytes | memoryview] = []
    for name, array in feed.items():
        described: dict[str, Any] = {"name": name, "shape": array.shape, "datatype": DATATYPES[array.dtype.name]}
        if binary:
            described["parameters"] = {"binary_data_size": array.nbytes}
            if array.nbytes:
                pieces.append(_bytes_of(array))
        else:
            described["data"] = array.ravel().tolist()
        inputs.append(described)
    wanted: list[dict[str, Any]] = [{"name": spec.name} for spec in outputs]
    if not binary:
        return [json.dumps({"inputs": inputs, "outputs": wanted}).encode()], {"Content-Type": "application/json"}
    for output in wanted:
        output["parameters"] = {"binary_data": True}
    head = json.dumps({"inputs": inputs, "outputs": wanted}, separators=(",", ":")).encode()
    return [head, *pieces], {"Content-Type": "application/octet-stream", HEADER: str(len(head))}


def _bytes_of(array: NDArray[Any]) -> memoryview:
    flat = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(-1)
    return flat.view(np.uint8).data


def answer(response: HTTPResponse, outputs: Sequence[TensorSpec]) -> dict[str, NDArray[Any]]:
    """Read the outputs of an inference, binary tensors straight into their arrays; Odd where they are wrong."""
    size = response.length
    head = _head_length(response, size)
    room = _room(outputs)
    rest = None if size is None or head is None else size - head
    if rest is not None and rest > room:
        raise Odd(f"its answer has {rest} bytes of tensors, more than the {room} that can be")
    body = _all_json(response, outputs) if head is None else _exactly(response, head)
    listed = parse(body).get("outputs")
    if not isinstance(listed, list):
        raise Odd("its answer has no outputs")
    if rest is not None:
        room = rest
    wanted = {spec.name: spec for spec in outputs}
    made: dict[str, NDArray[Any]] = {}
    for entry in listed:
        name = _named(entry)
        if name not in wanted or name in made:
            which = "another" if name in made else "an"
            raise Odd(f"its answer has {which} output `{_short(name)}` that was not asked for")
        spec = wanted[name]
        shape = _shape_of(entry, spec)
        count = _binary_size(entry)
        if count is None:
            made[name] = from_json(entry.get("data"), shape, spec)
            continue
        room -= count
        if room < 0 or count != math.prod(shape) * np.dtype(spec.dtype).itemsize:
            raise Odd(f"output `{name}` has {count} bytes, which is not what its shape {shape} or the answer holds")
        made[name] = _from_bytes(response, shape, spec)
    missing = wanted.keys() - made.keys()
    if missing:
        raise Odd(f"its answer lacks output `{min(missing)}`")
    if rest is not None and room:
        raise Odd("its answer holds more bytes than its outputs")
    return {name: made[name] for name in wanted}


def limit(outputs: Sequence[TensorSpec]) -> int:
    """Bytes that the answer of an inference may have, whichever way its tensors travel."""
    return MESSAGE_LIMIT + max(_room(outputs), DIGITS * _numbers(outputs))


def read_to_end(response: HTTPResponse, limit: int) -> bytearray:
    """The rest of a body, which may have `limit` bytes at most."""
    if response.length is not None and response.length > limit:
        raise Odd(f"its answer has {response.length} bytes, more than the {limit} that can be")
    body = bytearray()
    while block := response.read(1 << 16):
        body += block
        if len(body) > limit:
            raise Odd(f"its answer has more than the {limit} bytes that can be")
    if response.length:
        raise Odd("its answer ends early")
    return body


def _head_length(response: HTTPResponse, size: int | None) -> int | None:
    """Bytes of JSON before binary tensors; None where the whole body is JSON."""
    said = response.getheader(HEADER)
    if said is None:
        return None
    if not (said.isascii() and said.isdigit() and len(said) < 12):
        raise Odd(f"its answer has a wrong {HEADER}: {_short(said)}")
    if int(said) > (MESSAGE_LIMIT if size is None else min(size, MESSAGE_LIMIT)):
        raise Odd(f"its answer has {HEADER} {said}, more than the answer holds or than can be")
    return int(said)


def _exactly(response: HTTPResponse, count: int) -> bytearray:
    body = bytearray(count)
    _fill(response, memoryview(body))
    return body


def _fill(response: HTTPResponse, view: memoryview) -> None:
    while len(view):
        got = response.readinto(view)
        if not got:
            raise Odd("its answer ends early")
        view = view[got:]


def _named(entry: Any) -> str:
    name = entry.get("name") if isinstance(entry, dict) else None
    if not isinstance(name, str) or not name:
        raise Odd("it describes a tensor without a name")
    return name


def _can_be(sizes: Any, least: int) -> TypeGuard[list[int]]:
    """Whether a shape is one that an array of ours may have; sizes are `least` and more."""
    return (
        isinstance(sizes, list)
        and len(sizes) <= RANKS
        and all(type(size) is int and least <= size <= OPEN_LIMIT for size in sizes)
    )


def _shape_of(entry: Mapping[str, Any], spec: TensorSpec) -> tuple[int, ...]:
    shape, datatype = entry.get("shape"), entry.get("datatype")
    if not _can_be(shape, 0):
        raise Odd(f"output `{spec.name}` has no shape that can be: {_short(shape)}")
    if datatype != DATATYPES[spec.dtype]:
        raise Odd(f"output `{spec.name}` is {_short(datatype)}, the model says {DATATYPES[spec.dtype]}")
    if not fits(spec.shape, tuple(shape)):
        raise Odd(f"output `{spec.name}` has shape {_short(tuple(shape))}, the model says {spec.shape}")
    if math.prod(shape) * np.dtype(spec.dtype).itemsize > max(OPEN_LIMIT, _nbytes(spec) or 0):
        raise Odd(f"output `{spec.name}` with shape {_short(tuple(shape))} is larger than can be")
    return tuple(shape)


def _binary_size(entry: Mapping[str, Any]) -> int | None:
    parameters = entry.get("parameters")
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if size is not None and (type(size) is not int or size < 0):
        raise Odd(f"binary_data_size is {_short(size)}")
    return size


def _from_bytes(response: HTTPResponse, shape: tuple[int, ...], spec: TensorSpec) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.empty(shape, np.dtype(spec.dtype).newbyteorder("<"))
    except ValueError:
        raise Odd(f"output `{spec.name}` has no shape that can be: {_short(shape)}") from None
    if array.size:
        _fill(response, array.reshape(-1).view(np.uint8).data)
    if spec.dtype == "bool" and array.size and int(array.view(np.uint8).max()) > 1:
        raise Odd(f"output `{spec.name}` is BOOL and holds other bytes than 0 and 1")
    return array.astype(spec.dtype, copy=False)


def _least(spec: TensorSpec) -> int:
    """Bytes of a tensor, its open sizes taken as 1."""
    return math.prod(1 if size is None else size for size in spec.shape) * np.dtype(spec.dtype).itemsize


def _nbytes(spec: TensorSpec) -> int | None:
    sizes = [size for size in spec.shape if size is not None]
    return math.prod(sizes) * np.dtype(spec.dtype).itemsize if len(sizes) == len(spec.shape) else None


def _room(outputs: Sequence[TensorSpec]) -> int:
    """Bytes that the tensors of an answer may have."""
    known = [size for size in map(_nbytes, outputs) if size is not None]
    return sum(known) + (0 if len(known) == len(outputs) else OPEN_LIMIT)


def _numbers(outputs: Sequence[TensorSpec]) -> int:
    """How many numbers an answer that is all JSON may have."""
    numbers = (OPEN_NUMBERS if None in s.shape else math.prod(n for n in s.shape if n is not None) for s in outputs)
    return min(JSON_NUMBERS, sum(numbers))


def _all_json(response: HTTPResponse, outputs: Sequence[TensorSpec]) -> bytearray:
    """A body in which all tensors are JSON, few enough values to be parsed: a list of two bytes takes 64 in memory."""
    numbers = _numbers(outputs)
    body = read_to_end(response, MESSAGE_LIMIT + DIGITS * numbers)
    if sum(body.count(sign) for sign in (b",", b"[", b"{")) > 4 * numbers + (1 << 16):
        raise Odd("its answer holds more values than its outputs")
    return body


def _short(value: object) -> str:
    return one_line(str(value), 60)
