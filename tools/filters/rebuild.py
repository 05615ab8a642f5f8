"""Least-squares reconstruction: layers that lost inputs learn to give what they gave.

He, Zhang, Sun 2017 (Channel Pruning for Accelerating Very Deep Neural Networks, eq. 1, the weights' half), layer by
layer along the graph, on what the layers before really give once they are pruned. Weights move from what they are only
as far as the samples ask for: the ridge is on their change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import Feeds
from edge.tools.filters.cut import Keep
from edge.tools.filters.groups import Groups
from edge.tools.filters.importance import readers
from edge.tools.filters.net import constants_of
from edge.tools.graph import attributes, replace
from edge.tools.patches import at, patches
from edge.tools.tap import tap

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

F64 = NDArray[np.float64]
MOST_ROWS = 8192
"""Samples of a layer, over all feeds."""
MOST_COLUMNS = 4096
"""Weights of one filter; a layer with larger ones stays as it is: its normal matrix is not worth its memory."""
RIDGE = 1e-1
"""Of the mean square of what a layer reads."""


@dataclass(frozen=True, slots=True)
class Target:
    """A layer to rebuild.

    node: of the pruned model
    truth: what the whole model gives there, float64 (samples, kept filters)
    places: of the samples, for each feed the flat positions
    """

    node: NodeProto
    truth: F64
    places: tuple[NDArray[np.int64], ...]


def rebuilt(
    pruned: ModelProto, groups: Groups, keep: Keep, feeds: Feeds, progress: Callable[[str], None]
) -> ModelProto:
    """The pruned model with new weights and biases for dense 2-D convolutions and Gemm that lost inputs.

    Raises:
        ModelError: ONNX Runtime cannot run the model on these feeds.
    """
    made = pruned
    targets = _targets(pruned, groups, keep, feeds)
    for number, target in enumerate(targets, 1):
        progress(f"rebuilding layer {number} of {len(targets)}")
        values = constants_of(made)
        rows = [
            patches(target.node, values[target.node.input[1]].shape, given[target.node.input[0]], at(places))[0]
            for given, places in zip(tap(made, [target.node.input[0]], feeds), target.places, strict=True)
        ]
        made = replace(made, _solved(target, np.concatenate(rows).astype(np.float64), values))
    return made


def _targets(pruned: ModelProto, groups: Groups, keep: Keep, feeds: Feeds) -> list[Target]:
    """What to rebuild, in the graph's order, with all that is needed of the whole model in one run."""
    users = Counter(name for node in pruned.graph.node for name in node.input)
    short = {groups.net.nodes[one.node].output[0] for one in readers(groups) if not keep[one.ids].all()}
    nodes = [n for n in pruned.graph.node if n.output[0] in short and users[n.input[1]] == 1 and _plain(n, pruned)]
    truths: dict[str, list[F64]] = {node.output[0]: [] for node in nodes}
    places: dict[str, list[NDArray[np.int64]]] = {node.output[0]: [] for node in nodes}
    draw = np.random.default_rng(0)
    most = max(1, MOST_ROWS // max(1, len(feeds)))
    for values in tap(groups.net.model, truths, feeds) if nodes else ():
        for name, value in values.items():
            rows = np.moveaxis(value, 1, -1).reshape(-1, value.shape[1])
            chosen = np.sort(draw.permutation(len(rows))[:most])
            truths[name].append(rows[np.ix_(chosen, keep[groups.tensors[name].ids])].astype(np.float64))
            places[name].append(chosen)
    return [Target(node, np.concatenate(truths[node.output[0]]), tuple(places[node.output[0]])) for node in nodes]


def _plain(node: NodeProto, model: ModelProto) -> bool:
    """Whether it is a matrix product of what `patches` gives, with a bias."""
    say = attributes(node)
    rank = max((len(t.dims) for t in model.graph.initializer if t.name == node.input[1]), default=0)
    if len(node.input) < 3:
        return False
    if node.op_type == "Gemm":
        return not say.get("transA", 0) and say.get("alpha", 1.0) == say.get("beta", 1.0) == 1.0
    return node.op_type == "Conv" and rank == 4 and say.get("group", 1) == 1


def _solved(target: Target, rows: F64, values: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The weight and bias that come closest to the truth, by name."""
    _, name, bias_name = target.node.input[:3]
    weight, bias = values[name], values[bias_name]
    across = target.node.op_type == "Gemm" and not attributes(target.node).get("transB", 0)
    matrix = (weight.T if across else weight.reshape(len(weight), -1)).astype(np.float64)
    if rows.shape[1] > MOST_COLUMNS or bias.ndim != 1:
        return {}
    missing = target.truth - rows @ matrix.T - bias
    centre, offset = rows.mean(0), missing.mean(0)
    spread = rows - centre
    normal = spread.T @ spread
    normal[np.diag_indices_from(normal)] += RIDGE * len(rows) * (spread.var() + np.finfo(np.float64).tiny)
    change = np.linalg.solve(normal, spread.T @ (missing - offset)).T
    new = matrix + change
    return {
        name: (new.T if across else new.reshape(weight.shape)).astype(weight.dtype),
        bias_name: (bias + offset - change @ centre).astype(bias.dtype),
    }
