"""Channels are taken out of a graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import need, one_line
from edge.errors import ModelError
from edge.tools.filters.channels import Count, Ids
from edge.tools.filters.groups import Groups
from edge.tools.filters.net import tidy
from edge.tools.graph import INSTALL, replace

if TYPE_CHECKING:
    from onnx import ModelProto

Keep = NDArray[np.bool_]
"""Which identities are kept, bool (`Groups.count`,)."""


def cut(groups: Groups, keep: Keep, values: Mapping[str, NDArray[Any]] | None = None) -> ModelProto:
    """The model without the channels that are not kept.

    Args:
        keep: by identity; `FIXED` is kept.
        values: other ones for some constants, of full size, before they are cut.

    Raises:
        ModelError: nothing is left of a tensor, or the graph is not sound afterwards (a fault of ours).
    """
    onnx = need("onnx", INSTALL)
    constants = groups.net.constants
    changed: dict[str, NDArray[Any]] = dict(values or {})
    for (tensor, axis), ids in {(c.tensor, c.axis): c.ids for c in groups.cuts}.items():
        if not keep[ids].any():
            raise ModelError(f"{tensor}: all its channels would be cut; prune fewer filters")
        changed[tensor] = np.compress(keep[ids], changed.get(tensor, constants[tensor]), axis)
    for pick in groups.picks:
        kept = keep[pick.source]
        places = (np.cumsum(kept) - 1)[constants[pick.tensor]]
        changed[pick.tensor] = places[keep[pick.ids]].astype(constants[pick.tensor].dtype)
    for count in groups.counts:
        if isinstance(count.place, str):
            array = changed.setdefault(count.place, constants[count.place].copy())
            array.reshape(-1)[count.index] = keep[count.ids].sum()
    made = replace(groups.net.model, changed)
    _set_attributes(made, groups.counts, keep)
    del made.graph.value_info[:]
    tidy(made)
    try:
        onnx.checker.check_model(made)
        onnx.shape_inference.infer_shapes(made, check_type=True, strict_mode=True, data_prop=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as fault:
        raise ModelError(f"the pruned graph is not sound: {one_line(fault)}") from None
    return made


def kept_places(groups: Groups, keep: Keep) -> dict[str, dict[int, Ids]]:
    """Which places of each weight stay, by its name and axis; axes that stay whole are left out."""
    found: dict[str, dict[int, Ids]] = {}
    for one in groups.cuts:
        if not keep[one.ids].all():
            found.setdefault(one.tensor, {})[one.axis] = np.flatnonzero(keep[one.ids])
    return found


def _set_attributes(model: ModelProto, counts: tuple[Count, ...], keep: Keep) -> None:
    for count in counts:
        if not isinstance(count.place, str):
            given = {a.name: a for a in model.graph.node[count.place].attribute}[count.attribute]
            given.i = int(keep[count.ids].sum())
