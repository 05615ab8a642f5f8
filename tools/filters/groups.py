"""Which filters go together: the dependency graph of a model's channels.

The idea is DepGraph's (Fang et al. 2023, DepGraph: Towards Any Structural Pruning). Here a channel has an identity
that is followed through the graph; where two channels meet in one value their identities become one. A group's
channels are then those that the same layers make, and what must be cut for one is every place that bears its identity.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge.tools.filters.channels import FIXED, Channels, Count, Coupling, Cut, Found, Ids, NotFollowedError, Pick, Step
from edge.tools.filters.net import Net, net_of
from edge.tools.filters.rules import RULES
from edge.tools.filters.shuffle import shuffles_to_gathers
from edge.tools.graph import LAYERS

if TYPE_CHECKING:
    from onnx import ModelProto


@dataclass(frozen=True, slots=True)
class Left:
    """Channels that are left alone: at which node, and why. Known where a channel is followed up to it."""

    node: str
    operator: str
    reason: str

    def __str__(self) -> str:
        return f"{self.operator} {self.node}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Group:
    """Channels that the same layers make.

    name: of the tensor that the first of those layers makes
    layers: names of the weights whose filters make them
    ids: int64 (n,), the identities; each is cut or kept whole, whatever number of filters bears it
    """

    name: str
    layers: tuple[str, ...]
    ids: Ids


@dataclass(frozen=True, slots=True)
class Groups:
    """A model with everything that can be cut.

    count: identities run from 0 (`FIXED`) to count - 1
    tensors: the channels of inner tensors, by name
    """

    net: Net
    groups: tuple[Group, ...]
    left: tuple[Left, ...]
    cuts: tuple[Cut, ...]
    counts: tuple[Count, ...]
    picks: tuple[Pick, ...]
    tensors: dict[str, Channels]
    count: int

    def everything(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Which identities are kept, bool (count,): all of them."""
        return np.ones(self.count, np.bool_)


def find_groups(model: ModelProto) -> Groups:
    """Follow all channels of a model, as `edge.tools.graph.load` gives it; the model itself stays as it is.

    What reaches an output of the graph, a sub-graph, or an operator that is not understood is left alone.
    """
    net = net_of(shuffles_to_gathers(model))
    coupling, known, bound = Coupling(), dict[str, Channels](), dict[tuple[str, int], Ids]()
    steps, left = [], []
    for index, node in enumerate(net.nodes):
        step = Step(net, index, node, known, coupling, bound)
        try:
            found = _apply(step)
        except NotFollowedError as fault:
            stopped = [c for c in step.inputs if c is not None]
            if stopped:
                left.append(Left(node.name or node.output[0], node.op_type, str(fault)))
            for channels in stopped:
                coupling.join(channels.ids, FIXED)
            continue
        steps.append(step)
        known.update({name: c for name, c in zip(node.output, found, strict=False) if name and c is not None})
    for name in (*(value.name for value in net.model.graph.output), *net.captured):
        if name in known:
            coupling.join(known[name].ids, FIXED)
    _keep_shared(net, coupling, [cut for step in steps for cut in step.cuts])
    return _settled(net, coupling, steps, left, known)


def _apply(step: Step) -> Found:
    node = step.node
    rule = RULES.get(node.op_type) if node.domain in ("", "ai.onnx") else None
    makes = node.op_type in LAYERS
    if rule is None:
        raise NotFollowedError("this operator is not followed")
    if not makes and all(c is None for c in step.inputs):
        return []
    if node.op_type != "Split" and any(node.output[1:]):
        raise NotFollowedError("a second output")
    found = rule(step)
    for name, channels in zip(node.output, found, strict=False):
        # An engine that infers another size than the rule would be given a graph that it refuses.
        if channels is not None and step.shape(name)[channels.axis] not in (len(channels.ids), None):
            raise NotFollowedError("sizes that do not match")
    return found


def _keep_shared(net: Net, coupling: Coupling, cuts: Sequence[Cut]) -> None:
    """A weight that several nodes read is only cut along an axis that all of them give up."""
    users = Counter(name for node in net.nodes for name in node.input)
    users.update(net.captured)
    users.update(value.name for value in net.model.graph.output)
    agreed = Counter((cut.tensor, cut.axis) for cut in cuts)
    for cut in cuts:
        if agreed[cut.tensor, cut.axis] != users[cut.tensor]:
            coupling.join(cut.ids, FIXED)


def _settled(
    net: Net, coupling: Coupling, steps: Iterable[Step], left: Sequence[Left], known: dict[str, Channels]
) -> Groups:
    roots = np.array([coupling.find(one) for one in range(len(coupling.parents))], np.int64)
    cuts, counts, picks = [], [], []
    for step in steps:
        cuts += [Cut(c.node, c.slot, c.tensor, c.axis, roots[c.ids], c.role) for c in step.cuts]
        counts += [Count(c.place, c.index, roots[c.ids], c.attribute) for c in step.counts]
        picks += [Pick(c.tensor, roots[c.source], roots[c.ids]) for c in step.picks]
    tensors = {name: Channels(c.axis, roots[c.ids]) for name, c in known.items()}
    return Groups(
        net, _grouped(net, cuts), tuple(left), tuple(cuts), tuple(counts), tuple(picks), tensors, len(coupling.parents)
    )


def _grouped(net: Net, cuts: Sequence[Cut]) -> tuple[Group, ...]:
    """Channels by the set of layers that make them, in the graph's order."""
    makers: dict[int, dict[str, str]] = {}
    for cut in cuts:
        if cut.role == "out":
            for one in dict.fromkeys(cut.ids.tolist()):
                makers.setdefault(one, {}).setdefault(cut.tensor, net.nodes[cut.node].output[0])
    members: dict[tuple[str, ...], list[int]] = {}
    for one, layers in makers.items():
        if one != FIXED:
            members.setdefault(tuple(layers), []).append(one)
    return tuple(
        Group(next(iter(makers[ids[0]].values())), layers, np.array(ids, np.int64)) for layers, ids in members.items()
    )
