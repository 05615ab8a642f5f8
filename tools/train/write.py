"""Trained weights back into their model, and the model into a packed file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import need
from edge.models.manifest import Manifest
from edge.models.packed.coded import Origin
from edge.models.packed.pack import pack
from edge.models.packed.weight import Weight
from edge.tools import graph

if TYPE_CHECKING:
    from onnx import ModelProto


def written(model: ModelProto, weights: Mapping[str, NDArray[np.float32]]) -> ModelProto:
    """A copy with these values, each initializer in the element type that it had."""
    helper = need("onnx", graph.INSTALL).numpy_helper
    dtypes = {held.name: helper.to_array(held).dtype for held in model.graph.initializer if held.name in weights}
    return graph.replace(model, {name: value.astype(dtypes[name]) for name, value in weights.items()})


def packed(model: ModelProto, manifest: Manifest, sha256: str, report: Mapping[str, Any]) -> bytes:
    """The packed file of a model, its weights coded as each is smallest.

    Args:
        sha256: of the plain file that the model was made of.
        report: what was measured, for the file's manifest.
    """
    arrays = graph.weights(model)
    origin = Origin(sha256, report=report)
    return pack(
        "onnx", graph.skeleton(model, arrays), [Weight(name, array) for name, array in arrays.items()], manifest, origin
    )


def plain_bytes(model: ModelProto) -> int:
    """What the weights take as the model has them, uncompressed; of a small network nearly its file."""
    helper = need("onnx", graph.INSTALL).numpy_helper
    return sum(int(helper.to_array(held).nbytes) for held in model.graph.initializer)
