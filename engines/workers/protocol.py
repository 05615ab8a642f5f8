"""What the two processes say to each other, and what each refuses to hear.

A frame is `MAGIC`, a length (4 bytes, big-endian) and so many bytes of UTF-8 JSON: one object with a `kind`. Our side
asks, the child answers each question once; before that of `load` it may tell `progress`. Tensors are not in the frames:
they lie in memory that both map, whose descriptor goes along with a `map` frame (SCM_RIGHTS, unix(7)).

    hello   version                              -> hello    version, backend, devices
    load    model, device, precision, threads, inputs: shapes by name   -> loaded   inputs, outputs: tensors
    map     segment: its number, bytes; with a descriptor               -> mapped
    run     inputs: places by name, output: a segment, unmap: segments  -> done     outputs: places by name
    layers  model, device                        -> layers   unsupported: their names
    anything                                     -> refused  fault, text

A tensor is `{"name", "shape", "dtype", "bytes"}`: null where a size is open, and the most bytes that it can have. A
place is `[segment, offset, shape]`. Nothing that came is believed before it was checked, on either side.
"""

import json
import struct
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple, Type, TypeVar

VERSION = 1
MAGIC = b"edge"
HEAD = struct.Struct(">4sI")
LONGEST = 1 << 20
"""Bytes of the longest frame; that of a model with two thousand layers, each named, has a tenth."""
LARGEST = 1 << 30
"""Bytes of the largest tensor or segment."""
ALIGNED = 64
"""Bytes of which an output's offset in its segment is a multiple, as wide as a line of a cache."""
TENSORS, AXES, DIGITS, SIGNS = 64, 8, 18, 256
"""Most tensors of a model, axes of a tensor, digits of a number, characters of a tensor's name."""
DTYPES = {
    "bool": 1,
    "float16": 2,
    "float32": 4,
    "float64": 8,
    "int16": 2,
    "int32": 4,
    "int64": 8,
    "int8": 1,
    "uint16": 2,
    "uint8": 1,
}
"""Element types by NumPy's name, and their size in bytes."""

Message = Dict[str, Any]
Shape = Tuple[int, ...]
T = TypeVar("T")


class ProtocolError(Exception):
    """What came is not what may come."""


class Closed(ProtocolError):
    """The other side has hung up, between two frames."""


class Refused(Exception):
    """The worker cannot do what was asked, for a reason to tell: what its worker files raise.

    fault: `package` or `device` (missing), `model` (none it can read), `unsupported` (one it cannot run) or `failed`
    text: one line; of a `device`, what follows the back end's name, e.g. "has no device NPU here"
    """

    def __init__(self, fault: str, text: str) -> None:
        Exception.__init__(self, text)
        self.fault = fault


class Tensor(NamedTuple):
    """An input or output of a loaded model: a size is None where it is open; `bytes` is the most that it can have."""

    name: str
    shape: Tuple[Optional[int], ...]
    dtype: str
    bytes: int


class Place(NamedTuple):
    """Where the elements of a tensor lie: number of a segment, offset in bytes, shape."""

    segment: int
    offset: int
    shape: Shape


def pack(message: Message) -> bytes:
    """A frame to send."""
    text = json.dumps(message, separators=(",", ":")).encode("utf-8")
    if len(text) > LONGEST:
        raise ProtocolError(f"a frame of {len(text)} bytes is longer than {LONGEST}")
    return HEAD.pack(MAGIC, len(text)) + text


def receive(read: Callable[[int], bytes]) -> Message:
    """Read one frame.

    Args:
        read: gives up to as many bytes as it is asked for, none at the end of the stream.
    """
    head = read(HEAD.size)
    if not head:
        raise Closed("the other side has hung up")
    magic, length = HEAD.unpack(head + _exactly(read, HEAD.size - len(head)))
    if magic != MAGIC:
        raise ProtocolError(f"a frame begins with {magic!r}")
    if length > LONGEST:
        raise ProtocolError(f"a frame says that it has {length} bytes")
    return parse(_exactly(read, length))


def _exactly(read: Callable[[int], bytes], size: int) -> bytes:
    parts = []
    while size:
        part = read(size)
        if not part:
            raise ProtocolError("a frame was cut short")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def parse(text: bytes) -> Message:
    """The object of a frame; it has a `kind`."""
    try:
        message = json.loads(text.decode("utf-8"), parse_int=_integer, parse_constant=_no_number)
    except (ValueError, RecursionError) as fault:
        raise ProtocolError(f"a frame is no JSON: {str(fault)[:100]}") from None
    if not isinstance(message, dict):
        raise ProtocolError("a frame is no object")
    field(message, "kind", str)
    return message


def _integer(digits: str) -> int:
    if len(digits) > DIGITS:  # int() of a million digits takes many seconds where Python sets it no limit
        raise ValueError(f"a number has {len(digits)} digits")
    return int(digits)


def _no_number(name: str) -> float:
    raise ValueError(name + " is no number")


def field(message: Message, name: str, kind: Type[T]) -> T:
    """A field that has to be there, of exactly this type (a bool is no int)."""
    value = message.get(name)
    if type(value) is not kind:
        raise ProtocolError(f"`{name}` is no {kind.__name__} but {repr(value)[:50]}")
    return value


def count(value: Any, most: int = LARGEST) -> int:
    """A number from 0 to `most`."""
    if type(value) is not int or not 0 <= value <= most:
        raise ProtocolError(f"{repr(value)[:50]} is no number from 0 to {most}")
    return value


def size(shape: Shape, dtype: str) -> int:
    """Bytes of a tensor, refused where they are more than anybody may allocate."""
    total = DTYPES[dtype]
    for side in shape:
        total *= side
    return count(total)


def shape_of(value: Any) -> Shape:
    """A shape whose every size is given."""
    if type(value) is not list or len(value) > AXES:
        raise ProtocolError(f"{repr(value)[:50]} is no shape")
    return tuple(count(side) for side in value)


def strings(value: Any, most: int = LONGEST) -> List[str]:
    """A list of names."""
    if type(value) is not list or len(value) > most or not all(type(item) is str for item in value):
        raise ProtocolError(f"{repr(value)[:50]} is no list of names")
    return value


def is_name(name: str) -> bool:
    """Whether a tensor may be called so: it goes into messages as it is."""
    return len(name) <= SIGNS and name.isprintable()


def tensors(value: Any) -> Tuple[Tensor, ...]:
    """What a loaded model takes or gives."""
    if type(value) is not list or len(value) > TENSORS:
        raise ProtocolError(f"{repr(value)[:50]} is no list of tensors")
    made = tuple(_tensor(item) for item in value)
    if len({tensor.name for tensor in made}) < len(made):
        raise ProtocolError("two tensors have one name")
    return made


def _tensor(value: Any) -> Tensor:
    if type(value) is not dict:
        raise ProtocolError(f"{repr(value)[:50]} is no tensor")
    name, dtype, sides = field(value, "name", str), field(value, "dtype", str), field(value, "shape", list)
    if not is_name(name):
        raise ProtocolError(f"`{name[:50]}` is no name: longer than {SIGNS} characters or not printable")
    if dtype not in DTYPES:
        raise ProtocolError(f"`{name[:50]}` has elements of type {dtype[:50]}")
    if len(sides) > AXES:
        raise ProtocolError(f"`{name[:50]}` has {len(sides)} axes")
    shape = tuple(None if side is None else count(side) for side in sides)
    most = count(value.get("bytes"))
    if None not in shape and size(shape_of(sides), dtype) != most:
        raise ProtocolError(f"`{name[:50]}` has {size(shape_of(sides), dtype)} bytes by its shape, not {most}")
    return Tensor(name, shape, dtype, most)


def places(value: Any, wanted: Tuple[Tensor, ...]) -> List[Place]:
    """Where the tensors of a run lie: each that is wanted, in that order, no other, none larger than it can be."""
    if type(value) is not dict or value.keys() != {tensor.name for tensor in wanted}:
        raise ProtocolError(f"{repr(value)[:50]} are not the places of {[t.name[:50] for t in wanted]}")
    return [_place(value[tensor.name], tensor) for tensor in wanted]


def _place(value: Any, tensor: Tensor) -> Place:
    if type(value) is not list or len(value) != 3:
        raise ProtocolError(f"{repr(value)[:50]} is no place")
    place = Place(count(value[0], 10**DIGITS), count(value[1]), shape_of(value[2]))
    fits = len(place.shape) == len(tensor.shape) and all(w in (None, g) for w, g in zip(tensor.shape, place.shape))
    if not fits or size(place.shape, tensor.dtype) > tensor.bytes:
        raise ProtocolError(f"`{tensor.name[:50]}` cannot have the shape {place.shape}")
    return place
