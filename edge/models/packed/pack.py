"""Weights and a skeleton into the bytes of a packed file."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from edge import __version__
from edge.errors import ModelError
from edge.models.manifest import Manifest
from edge.models.packed.codecs import open_block
from edge.models.packed.coded import Coded, Origin
from edge.models.packed.container import Sign, seal
from edge.models.packed.dictionary import DICTIONARY
from edge.models.packed.encode import encode
from edge.models.packed.head import SUFFIXES, Head, Skeleton, write_head
from edge.models.packed.limits import AXES, FILE_BYTES, MANIFEST_BYTES, SKELETON_BYTES, STREAMS, TENSORS, decoded_limit
from edge.models.packed.values import DTYPES
from edge.models.packed.weight import Weight
from edge.models.packed.zstd import deflate, squeeze


def pack(
    carrier: str,
    skeleton: bytes,
    weights: Sequence[Weight],
    manifest: Manifest,
    origin: Origin,
    *,
    size: int = 0,
    sign: Sign | None = None,
    progress: Callable[[float], None] = lambda part: None,
) -> bytes:
    """A packed file. Each tensor is coded in every way that can hold it, and the smallest by measured bytes is taken.

    Args:
        carrier: `onnx`, `tflite` or `openvino`.
        skeleton: the plain file without its weights: an ONNX model whose initializers are declared external; a TFLite
            file with the weights' bytes cut out; an IR's .xml.
        weights: in the carrier's order; by offset for carriers that place by offset.
        manifest: as for the plain file; its sha256 is not kept.
        size: of the plain TFLite file, or of the IR's .bin.
        sign: signs it (see `signing`).
        progress: told how far it is, 0..1.

    Raises:
        ModelError: more tensors or bytes than the format allows, a name twice, an element type that it does not know.
    """
    fault = _fault(carrier, skeleton, weights)
    if fault:
        raise ModelError(f"model {manifest.name}: cannot be packed: {fault}")
    coding, squeezed = _squeezed(skeleton)
    total = sum(weight.array.nbytes for weight in weights)
    tensors, blocks, done, streams = [], [squeezed], 0, 0
    for weight in weights:
        block = encode(weight)
        array = weight.array
        nonzero = int(np.count_nonzero(array))
        tensors.append(
            Coded(weight.name, array.shape, array.dtype.name, block.codec, len(block.data), nonzero, weight.at)
        )
        blocks.append(block.data)
        streams += len(open_block(block.codec, memoryview(block.data), array.dtype, array.shape).streams)
        done += array.nbytes
        progress(done / total)
    tool = f"edge-runtime {__version__}"
    head = Head(carrier, manifest, origin, tool, Skeleton(coding, len(squeezed), len(skeleton)), tuple(tensors), size)
    text, text_size = write_head(head)
    made = seal(text, text_size, blocks, sign)
    longer = text_size > MANIFEST_BYTES or len(made) > FILE_BYTES or streams > STREAMS
    if longer or total + len(skeleton) > decoded_limit(len(made)):
        raise ModelError(f"model {manifest.name}: cannot be packed: it is larger than the format allows")
    return made


def _fault(carrier: str, skeleton: bytes, weights: Sequence[Weight]) -> str | None:
    if carrier not in SUFFIXES:
        return f"no carrier is called `{carrier}`"
    if len(weights) > TENSORS or len(skeleton) > SKELETON_BYTES:
        return "it has more tensors, or a longer skeleton, than the format allows"
    if len({weight.name for weight in weights}) != len(weights):
        return "two of its tensors have one name"
    for weight in weights:
        if weight.array.dtype.name not in DTYPES or weight.array.ndim > AXES or not weight.array.size:
            return f"its tensor {weight.name} is {weight.array.dtype.name} {list(weight.array.shape)}"
    return None


def _squeezed(skeleton: bytes) -> tuple[str, bytes]:
    ways = [("stored", skeleton), ("deflate", deflate(skeleton, DICTIONARY)), ("zstd", squeeze(skeleton))]
    return min(ways, key=lambda way: len(way[1]))
