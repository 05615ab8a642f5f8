"""What a cut channel gave on average moves into the biases of the layers that read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.tools.filters.cut import Keep
from edge.tools.filters.groups import Groups
from edge.tools.filters.importance import readers
from edge.tools.filters.net import attributes
from edge.tools.filters.tap import Moments


def folded(groups: Groups, keep: Keep, moments: Mapping[str, Moments]) -> dict[str, NDArray[Any]]:
    """New biases, of full size, by name.

    Exact for a channel that is constant, but at borders that a convolution pads. Convolutions and Gemm have a bias
    (`net_of` sees to that); a weight with several readers is left as it is, and so are MatMul and ConvTranspose.
    """
    nodes, values = groups.net.nodes, groups.net.constants
    users = Counter(name for node in nodes for name in node.input)
    found: dict[str, NDArray[Any]] = {}
    for reader in readers(groups):
        node, set_up = nodes[reader.node], attributes(nodes[reader.node])
        plain = set_up.get("alpha", 1.0) == set_up.get("beta", 1.0) == 1.0
        bias = values[node.input[2]] if len(node.input) > 2 else None
        gone = ~keep[reader.ids]
        if node.op_type not in ("Conv", "Gemm") or users[reader.tensor] > 1 or not plain or bias is None:
            continue
        if gone.any() and bias.ndim == 1:
            weight = np.moveaxis(values[reader.tensor].astype(np.float64), reader.axis, 1)
            matrix = weight.reshape(*weight.shape[:2], -1).sum(2) * gone
            means = moments[node.input[0]].mean.reshape(-1, len(reader.ids))
            added = np.einsum("goi,gi->go", matrix.reshape(len(means), -1, matrix.shape[1]), means).ravel()
            if len(added) == len(bias):
                found[node.input[2]] = (bias + added).astype(bias.dtype)
    return found
