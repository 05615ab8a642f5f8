"""What a cut channel gave is estimated from the channels that stay, in the weights of the layers that read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.tools.filters.channels import Cut
from edge.tools.filters.cut import Keep
from edge.tools.filters.groups import Groups
from edge.tools.filters.importance import readers
from edge.tools.filters.moments import Moments, ridged
from edge.tools.graph import attributes

F64 = NDArray[np.float64]


def stand_ins(groups: Groups, keep: Keep, moments: Mapping[str, Moments]) -> dict[str, NDArray[Any]]:
    """New weights and biases, of full size, by name.

    With x_c the channels that are cut and x_s those that stay, x_c is about mean x_c + B (x_s - mean x_s), where
    B = cov(x_c, x_s) cov(x_s, x_s)^-1. A dense reader takes W_s + W_c B for W_s; any reader takes the means into its
    bias. Exact for a channel that follows linearly from others or is constant, but at borders that a convolution pads.
    A weight with several readers is left as it is, and so are MatMul and ConvTranspose.
    """
    nodes, values = groups.net.nodes, groups.net.constants
    users = Counter(name for node in nodes for name in node.input)
    found: dict[str, NDArray[Any]] = {}
    for reader in readers(groups):
        node, set_up = nodes[reader.node], attributes(nodes[reader.node])
        plain = set_up.get("alpha", 1.0) == set_up.get("beta", 1.0) == 1.0
        if node.op_type not in ("Conv", "Gemm") or users[reader.tensor] > 1 or not plain or keep[reader.ids].all():
            continue
        weight, bias = values[reader.tensor], values[node.input[2]]
        if bias.ndim == 1:
            new, added = _estimated(reader, keep, moments[node.input[0]], weight.astype(np.float64))
            found[reader.tensor] = new.astype(weight.dtype)
            found[node.input[2]] = (bias + added).astype(bias.dtype)
    return found


def _estimated(reader: Cut, keep: Keep, of: Moments, weight: F64) -> tuple[F64, F64]:
    """A reader's new weight, and what its bias gains."""
    filters = np.moveaxis(weight, reader.axis, 1)
    gone = ~keep[reader.ids]
    groups = len(of.mean) // len(gone)
    means = of.mean.reshape(groups, -1)
    if of.covariance is None or groups > 1:
        lost = filters[:, gone].reshape(groups, -1, gone.sum(), int(np.prod(filters.shape[2:]))).sum(3)
        return weight, np.einsum("goi,gi->go", lost, means[:, gone]).ravel()
    share = np.linalg.solve(ridged(of.covariance)[np.ix_(~gone, ~gone)], of.covariance[np.ix_(~gone, gone)]).T
    new = filters.copy()
    new[:, ~gone] += np.einsum("oc...,cs->os...", filters[:, gone], share)
    lost = filters[:, gone].reshape(len(filters), gone.sum(), -1).sum(2)
    return np.moveaxis(new, 1, reader.axis), lost @ (of.mean[gone] - share @ of.mean[~gone])
