"""The values of inner tensors while a model runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import Feed, need, one_line
from edge.errors import ModelError
from edge.tools.evaluate import runtime_faults, session
from edge.tools.filters.groups import Groups
from edge.tools.graph import INSTALL, to_bytes

if TYPE_CHECKING:
    from onnx import ModelProto


@dataclass(frozen=True, slots=True)
class Moments:
    """Of each place along the axis of the channels, over all samples and all other axes: float64 (n,) each."""

    mean: NDArray[np.float64]
    variance: NDArray[np.float64]


def tap(model: ModelProto, names: Iterable[str], feeds: Sequence[Feed]) -> Iterator[dict[str, NDArray[Any]]]:
    """Run a model on ONNX Runtime and give these tensors, inner ones or outputs, one mapping a feed.

    Raises:
        ModelError: ONNX Runtime cannot run the model, or not on these feeds.
    """
    helper = need("onnx", INSTALL).helper
    made = type(model)()
    made.CopyFrom(model)
    wanted = list(dict.fromkeys(names))
    del made.graph.output[:]
    made.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in wanted)
    loaded = session(to_bytes(made))
    taken = {given.name for given in made.graph.input}
    for feed in feeds:
        own = {name: value for name, value in feed.items() if name in taken}
        try:
            yield dict(zip(wanted, loaded.run(wanted, own), strict=True))
        except runtime_faults() as fault:
            raise ModelError(f"onnxruntime fails on the model: {one_line(fault)}") from None


def read_moments(groups: Groups, feeds: Sequence[Feed]) -> dict[str, Moments]:
    """The moments of what layers read, by the name of the tensor that they read."""
    nodes = groups.net.nodes
    names = dict.fromkeys(nodes[cut.node].input[0] for cut in groups.cuts if cut.role == "in")
    sums = {name: np.zeros((3, len(groups.tensors[name].ids))) for name in names}
    for values in tap(groups.net.model, names, feeds):
        for name, value in values.items():
            rows = np.moveaxis(value, groups.tensors[name].axis, 0).reshape(len(groups.tensors[name].ids), -1)
            sums[name] += np.stack([np.full(len(rows), rows.shape[1]), *_sums(rows)])
    found = {}
    for name, (count, total, squares) in sums.items():
        mean = total / count
        found[name] = Moments(mean, np.maximum(squares / count - mean**2, 0))
    return found


def _sums(rows: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return rows.sum(1, dtype=np.float64), np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
