"""Filter pruning: which filters go, and a model without them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import Feeds, need
from edge.errors import UserError
from edge.tools.filters.channels import Ids
from edge.tools.filters.choose import choose, ordered
from edge.tools.filters.cut import Keep, cut, kept_places
from edge.tools.filters.groups import Groups, Left, find_groups
from edge.tools.filters.importance import by_activation, by_filter, by_norm
from edge.tools.filters.macs import layers, parameters, total_macs
from edge.tools.filters.moments import Moments, read_moments
from edge.tools.filters.rebuild import rebuilt
from edge.tools.filters.sensitivity import measured, output_error, summed
from edge.tools.filters.stand_in import stand_ins
from edge.tools.graph import INSTALL

if TYPE_CHECKING:
    from onnx import ModelProto

Progress = Callable[[str], None]
"""Is told in a few words what is being done; called often."""


@dataclass(frozen=True, slots=True)
class Thinned:
    """A group of channels: the name of what its first layer makes, how many there were, and how many are kept."""

    name: str
    channels: int
    kept: int


@dataclass(frozen=True, slots=True)
class PruneReport:
    """What was pruned, before and after.

    macs: multiply-accumulates for one sample
    filters: of all layers that make channels
    groups: every group that could be cut
    left: channels that were left alone at an operator, and why; those that reach an output are not listed
    error: of the outputs on the feeds, the energy of the difference over that of the output, mean over outputs;
        None without feeds
    """

    fraction: float
    macs: tuple[int, int]
    parameters: tuple[int, int]
    filters: tuple[int, int]
    groups: tuple[Thinned, ...]
    left: tuple[Left, ...]
    error: float | None


@dataclass(frozen=True, slots=True)
class Pruned:
    """A pruned model.

    kept: places that stay of each weight that was cut, by its name and axis: what a trainer cuts its own copy by
    """

    model: ModelProto
    report: PruneReport
    kept: Mapping[str, Mapping[int, Ids]]


def prune_filters(
    model: ModelProto,
    fraction: float,
    feeds: Feeds | None = None,
    scores: Mapping[str, NDArray[np.floating[Any]]] | None = None,
    round_to: int = 16,
    *,
    rebuild: bool = True,
    progress: Progress = lambda said: None,
) -> Pruned:
    """Cut filters until a share of a model's multiply-accumulates is saved.

    With feeds, a group's sensitivity is the error of the model's outputs with a quarter, half and three quarters of it
    cut, a channel's importance is what its readers lose (`importance.by_activation`), readers take what the kept
    channels tell of the cut ones (`stand_in`), and with `rebuild` they are fitted once more, in turn, on what the
    pruned layers before them give (`rebuild`). Without feeds all is
    judged by the norms of weights, which is much worse unless the model is trained afterwards.

    Args:
        model: as `edge.tools.graph.load` gives it; stays as it is.
        fraction: of multiply-accumulates (not of filters), 0 up to but not including 1.
        feeds: by input name, one mapping a run; some dozens of real samples are right.
        scores: importance of each filter by the name of its layer's weight, 0 and up, e.g. of gradients. Filters of
            layers that are not named go first.
        round_to: groups keep a multiple of so many channels, and groups of no more are left whole. Engines work in
            blocks of 8 or 16: with 8, ONNX Runtime on x86 with blocks of 16 gains a third of what it gains with 16.

    Raises:
        UserError: a fraction out of range, one that cannot be reached, or scores that do not fit.
        ModelError: open sizes, or a model that ONNX Runtime cannot run on the feeds.
    """
    if not 0 <= fraction < 1:
        raise UserError(f"a fraction of {fraction} cannot be pruned; give 0 up to 1, e.g. 0.3")
    if round_to < 1:
        raise UserError(f"channels cannot be rounded to {round_to}; give 1 or more")
    progress("following the channels")
    groups = find_groups(model)
    moments = read_moments(groups, feeds) if feeds else {}
    keep = _chosen(groups, moments, fraction, feeds or (), scores, round_to, progress)
    made = cut(groups, keep, stand_ins(groups, keep, moments) if feeds else None)
    if feeds and rebuild:
        made = rebuilt(made, groups, keep, feeds, progress)
    error = output_error(model, made, feeds or _blank(made))
    # Without feeds, too, it is run once: a graph that no engine takes is our fault, and is told before it is written.
    report = _report(model, made, groups, keep, fraction, error if feeds else None)
    return Pruned(made, report, kept_places(groups, keep))


def _chosen(
    groups: Groups,
    moments: Mapping[str, Moments],
    fraction: float,
    feeds: Feeds,
    scores: Mapping[str, NDArray[np.floating[Any]]] | None,
    round_to: int,
    progress: Progress,
) -> Keep:
    work = layers(groups.net.model)
    if fraction == 0:
        return groups.everything()
    if scores is not None:
        worth = by_filter(groups, scores)
    else:
        worth = by_activation(groups, moments) if feeds else by_norm(groups)
    order = ordered(groups, worth)
    curves = measured(groups, order, moments, feeds, progress) if feeds else summed(order, worth)
    return choose(groups, work, order, curves, fraction, round_to)


def _blank(model: ModelProto) -> list[dict[str, NDArray[Any]]]:
    """One feed of zeros; open sizes are one."""
    dtype = need("onnx", INSTALL).helper.tensor_dtype_to_np_dtype
    kinds = {given.name: given.type.tensor_type for given in model.graph.input}
    return [
        {
            name: np.zeros([d.dim_value or 1 for d in kind.shape.dim], dtype(kind.elem_type))
            for name, kind in kinds.items()
        }
    ]


def _report(
    before: ModelProto, after: ModelProto, groups: Groups, keep: Keep, fraction: float, error: float | None
) -> PruneReport:
    makers = [one for one in {(c.tensor, c.axis): c for c in groups.cuts}.values() if one.role == "out"]
    thinned = [Thinned(group.name, len(group.ids), int(keep[group.ids].sum())) for group in groups.groups]
    return PruneReport(
        fraction,
        (total_macs(layers(before)), total_macs(layers(after))),
        (parameters(before), parameters(after)),
        (sum(len(one.ids) for one in makers), sum(int(keep[one.ids].sum()) for one in makers)),
        tuple(thinned),
        groups.left,
        error,
    )
