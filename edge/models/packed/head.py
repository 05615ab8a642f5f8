"""The manifest inside a packed file: canonical JSON, deflated, and everything in it checked before it is believed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from edge.models.manifest import Manifest, parse_manifest
from edge.models.packed.bits import Damaged
from edge.models.packed.codecs import CODECS
from edge.models.packed.coded import Coded, Origin
from edge.models.packed.dictionary import DICTIONARY
from edge.models.packed.limits import AXES, SKELETON_BYTES, TENSORS, WINDOW, decoded_limit
from edge.models.packed.values import DTYPES
from edge.models.packed.zstd import deflate, inflate
from edge.models.table import Table
from edge.preprocess.input import Input

SUFFIXES = {"onnx": ".onnx", "tflite": ".tflite", "openvino": ".xml"}
"""The carriers, and what their plain files end with."""
PLACED = ("tflite", "openvino")
"""Carriers whose weights have places, not only names."""
CODINGS = ("stored", "deflate", "zstd")
WORK_BYTES = 12
"""What decoding takes for each value beside the value itself: its symbol three times, and its scaling in float32."""
BASE_BYTES = 1 << 21
SIZES = 1 << 31


class Skeleton(NamedTuple):
    """How the skeleton's block is stored: `stored`, `deflate` or `zstd`, its bytes in the file, and inflated."""

    coding: str
    bytes: int
    size: int


@dataclass(frozen=True, slots=True)
class Head:
    """What the manifest says.

    size: of the plain file (TFLite) or the .bin (OpenVINO), for carriers that place their weights; else 0
    """

    carrier: str
    manifest: Manifest
    origin: Origin
    tool: str
    skeleton: Skeleton
    tensors: tuple[Coded, ...]
    size: int = 0

    @property
    def peak_bytes(self) -> int:
        """What decoding takes at most: the largest tensor and a window, or everything where that is less."""
        costs = [cost(tensor) for tensor in self.tensors]
        weights = min(sum(costs), max(costs, default=0) + WINDOW * (WORK_BYTES + 4))
        return BASE_BYTES + 2 * self.skeleton.size + weights


def cost(tensor: Coded) -> int:
    """Bytes that decoding one tensor takes, its result among them."""
    return tensor.count * (np.dtype(tensor.dtype).itemsize + WORK_BYTES) + tensor.bytes


# ---------------------------------------------------------------- writing


def write_head(head: Head) -> tuple[bytes, int]:
    """The manifest as it lies in the file, and its size inflated."""
    tree: dict[str, Any] = {
        "carrier": head.carrier,
        "model": _tree(head.manifest),
        "peak_bytes": head.peak_bytes,
        "report": dict(head.origin.report),
        "skeleton": [head.skeleton.coding, head.skeleton.bytes, head.skeleton.size],
        "source_sha256": head.origin.source_sha256,
        "tensors": [_row(tensor) for tensor in head.tensors],
        "tool": head.tool,
        "version": head.origin.version,
    }
    if head.size:
        tree["size"] = head.size
    text = canonical(tree)
    return deflate(text, DICTIONARY), len(text)


def canonical(tree: Any) -> bytes:
    """JSON with sorted keys, no spaces and no escapes that are not needed, in UTF-8."""
    return json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _tree(manifest: Manifest) -> dict[str, Any]:
    """The manifest's keys that are not at their default, as its TOML has them."""
    tree: dict[str, Any] = {"task": manifest.task, "min_score": manifest.min_score}
    tree |= _changed(manifest, ("input", "outputs", "quantized", "sha256", "labels_file", *tree))
    tree["input"] = _changed(manifest.input, ())
    tree["outputs"] = dict(manifest.outputs)
    if manifest.quantized:
        tree["quantized"] = {role: list(pair) for role, pair in manifest.quantized.items()}
    return tree


def _changed(value: Manifest | Input, but: Sequence[str]) -> dict[str, Any]:
    given = {field.name: (getattr(value, field.name), field.default) for field in fields(value)}
    return {
        name: [list(item) if isinstance(item, tuple) else item for item in now] if isinstance(now, tuple) else now
        for name, (now, default) in given.items()
        if name not in but and (default is MISSING or now != default)
    }


def _row(tensor: Coded) -> list[Any]:
    row: list[Any] = [tensor.name, tensor.dtype, list(tensor.shape), tensor.codec, tensor.bytes, tensor.nonzero]
    return row if tensor.at is None else [*row, tensor.at]


# ---------------------------------------------------------------- reading


def read_head(data: memoryview, size: int, path: Path, file_bytes: int) -> Head:
    """The manifest of a file of so many bytes.

    Raises:
        Damaged: it is not canonical JSON, or says what no packer writes or no device should believe.
        ModelError: the model's own manifest in it is wrong; names the file and the key.
    """
    text = inflate(data, size, DICTIONARY)
    try:
        tree = json.loads(text)
        same = canonical(tree) == text
    except (ValueError, RecursionError):
        raise Damaged("has a manifest that is no JSON") from None
    if not same or not isinstance(tree, dict):
        raise Damaged("has a manifest that is not in canonical form")
    top = Table(tree, f"{path}: its manifest")
    carrier = top.one_of("carrier", tuple(SUFFIXES), "")
    model = top.take("model")
    if not isinstance(model, dict) or isinstance(model.get("labels"), str):
        raise Damaged("has a manifest without a model, or one whose labels are elsewhere")
    report = top.take("report")
    head = Head(
        carrier,
        parse_manifest(model, path),
        Origin(_sha256(top), top.integer("version", None, 1, SIZES), report if isinstance(report, dict) else {}),
        top.text("tool"),
        _skeleton(top.take("skeleton")),
        _tensors(top.take("tensors"), carrier in PLACED),
        top.integer("size", 0, 0, SIZES),
    )
    peak = top.integer("peak_bytes", None, 0, 1 << 40)
    top.finish()
    _check(head, peak, file_bytes)
    return head


def _check(head: Head, peak: int, file_bytes: int) -> None:
    limit = decoded_limit(file_bytes)
    sizes = [tensor.count * np.dtype(tensor.dtype).itemsize for tensor in head.tensors]
    total = sum(sizes) + head.skeleton.size
    if total > limit or head.size > limit:
        raise Damaged(f"would decode to {max(total, head.size)} bytes, and a file of its size may to {limit}")
    if peak != head.peak_bytes:
        raise Damaged(f"declares a peak of {peak} bytes, and decoding it takes {head.peak_bytes}")
    if head.carrier not in PLACED:
        if head.size:
            raise Damaged("has a size that its carrier does not have")
        return
    end = 0
    for tensor, size in zip(head.tensors, sizes, strict=True):
        if tensor.at is None or tensor.at < end:
            raise Damaged(f"has a tensor {tensor.name!r} that overlaps another one")
        end = tensor.at + size
    if end > head.size:
        raise Damaged("has a tensor beyond the end of its carrier")


def _sha256(top: Table) -> str:
    given = top.text("source_sha256")
    if len(given) != 64 or set(given) - set("0123456789abcdef"):
        raise Damaged("has a source without a sha256")
    return given


def _skeleton(given: Any) -> Skeleton:
    if not (isinstance(given, list) and len(given) == 3 and given[0] in CODINGS and all(map(_whole, given[1:]))):
        raise Damaged("has no skeleton")
    if given[2] > SKELETON_BYTES:
        raise Damaged(f"has a skeleton of {given[2]} bytes")
    return Skeleton(*given)


def _tensors(given: Any, placed: bool) -> tuple[Coded, ...]:
    if not isinstance(given, list) or len(given) > TENSORS:
        raise Damaged("has no list of tensors, or too many")
    tensors = tuple(_tensor(row, placed) for row in given)
    if len({tensor.name for tensor in tensors}) != len(tensors):
        raise Damaged("has two tensors of one name")
    return tensors


def _tensor(row: Any, placed: bool) -> Coded:
    if not isinstance(row, list) or len(row) != (7 if placed else 6):
        raise Damaged("has a tensor that is not described")
    name, dtype, shape, codec, size, nonzero, *at = row
    if not (isinstance(name, str) and name and dtype in DTYPES and codec in CODECS and isinstance(shape, list)):
        raise Damaged(f"has a tensor {name!r} of an unknown kind")
    if len(shape) > AXES or not all(map(_whole, [*shape, size, nonzero, *at])) or 0 in shape:
        raise Damaged(f"has a tensor {name!r} of an impossible size")
    tensor = Coded(name, tuple(shape), dtype, codec, size, nonzero, at[0] if at else None)
    if nonzero > tensor.count:
        raise Damaged(f"has a tensor {name!r} with more values than it can hold")
    return tensor


def _whole(number: Any) -> bool:
    return type(number) is int and 0 <= number < SIZES
