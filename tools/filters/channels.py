"""What a cut is made of: channels with an identity, and everything that has to change when one of them goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge.tools.filters.net import Net, Shape
from edge.tools.graph import attributes

if TYPE_CHECKING:
    from onnx import NodeProto

Ids: TypeAlias = NDArray[np.int64]
Role: TypeAlias = Literal["out", "in", "along"]
FIXED = 0
"""The identity of every channel that must stay; whatever is coupled to it stays, too."""


class NotFollowedError(Exception):
    """Where a node's output holds the channels of its inputs is not known; they are left alone. Never leaves here."""


@dataclass(frozen=True, slots=True)
class Channels:
    """The channels of a tensor: which identity each place along one axis has.

    axis: 0 and up
    ids: int64 (size of the axis,); two places with one identity are cut together
    """

    axis: int
    ids: Ids


@dataclass(frozen=True, slots=True)
class Cut:
    """An axis of a constant that loses places together with its channels.

    node, slot: which node reads it, as which of its inputs
    role: `out`, the filters that make channels; `in`, what is read of each channel; `along`, one value a channel
    """

    node: int
    slot: int
    tensor: str
    axis: int
    ids: Ids
    role: Role


@dataclass(frozen=True, slots=True)
class Count:
    """A number that says how many channels there are.

    place: a constant's name, or, with `attribute`, the index of a node
    index: the element of the flattened constant
    """

    place: str | int
    index: int
    ids: Ids
    attribute: str = ""


@dataclass(frozen=True, slots=True)
class Pick:
    """A constant of indices into the channels `source`, one for each of the channels `ids`."""

    tensor: str
    source: Ids
    ids: Ids


@dataclass(slots=True)
class Coupling:
    """Which identities go together: a union-find whose smallest member stands for all, so that FIXED always wins."""

    parents: list[int] = field(default_factory=lambda: [FIXED])

    def fresh(self, count: int) -> Ids:
        """New identities, coupled to none."""
        first = len(self.parents)
        self.parents.extend(range(first, first + count))
        return np.arange(first, first + count, dtype=np.int64)

    def find(self, one: int) -> int:
        """Who stands for an identity."""
        root = one
        while self.parents[root] != root:
            root = self.parents[root]
        while self.parents[one] != root:
            self.parents[one], one = root, self.parents[one]
        return root

    def join(self, a: Ids, b: Ids | int) -> None:
        """Couple two rows of identities, place by place."""
        for one, other in zip(a.tolist(), np.broadcast_to(b, a.shape).tolist(), strict=True):
            low, high = sorted((self.find(one), self.find(other)))
            self.parents[high] = low

    def roots(self, ids: Ids) -> Ids:
        """Who stands for each of them."""
        return np.array([self.find(one) for one in ids.tolist()], np.int64)


@dataclass(slots=True)
class Step:
    """One node as its rule sees it, and what the rule finds.

    known: the channels of the tensors before it, by name
    bound: the channels of axes of constants, which may be shared between nodes
    cuts, counts, picks: found so far; dropped when the rule gives up
    """

    net: Net
    index: int
    node: NodeProto
    known: dict[str, Channels]
    coupling: Coupling
    bound: dict[tuple[str, int], Ids]
    cuts: list[Cut] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)
    picks: list[Pick] = field(default_factory=list)

    @property
    def inputs(self) -> list[Channels | None]:
        """The channels of each input; None where none are followed."""
        return [self.known.get(name) for name in self.node.input]

    @property
    def attributes(self) -> dict[str, Any]:
        """The node's attributes by name."""
        return attributes(self.node)

    def first(self, axis: int | None = None) -> Channels:
        """The channels of the first input, which have to lie on this axis and to be the only ones to follow."""
        given = self.inputs
        if given[0] is None or any(other is not None for other in given[1:]):
            raise NotFollowedError("channels as a parameter")
        if axis is not None and given[0].axis != axis:
            raise NotFollowedError(f"channels on axis {given[0].axis}")
        return given[0]

    def shape(self, name: str) -> Shape:
        """A tensor's shape, of known rank."""
        if name not in self.net.shapes:
            raise NotFollowedError("a tensor of unknown rank")
        return self.net.shapes[name]

    def constant(self, slot: int) -> NDArray[Any] | None:
        """The value of an input that is not left out; None where it is left out."""
        if slot >= len(self.node.input) or not self.node.input[slot]:
            return None
        value = self.net.constants.get(self.node.input[slot])
        if value is None:
            raise NotFollowedError("a parameter that is not constant")
        return value

    def required(self, slot: int) -> NDArray[Any]:
        """The value of an input that has to be there."""
        value = self.constant(slot)
        if value is None:
            raise NotFollowedError("a parameter is left out")
        return value

    def cut(self, slot: int, axis: int, ids: Ids, role: Role) -> None:
        """An axis of a constant input goes with these channels."""
        name = self.node.input[slot]
        if self.net.constants[name].shape[axis] != len(ids):
            raise NotFollowedError("a parameter of another size")
        if (name, axis) in self.bound:
            self.coupling.join(ids, self.bound[name, axis])
        self.bound[name, axis] = ids
        self.cuts.append(Cut(self.index, slot, name, axis, ids, role))

    def count(self, place: str | int, index: int, ids: Ids, attribute: str = "") -> None:
        """A number says how many these are; see `Count`."""
        self.counts.append(Count(place, index, ids, attribute))

    def pick(self, slot: int, source: Ids, ids: Ids) -> None:
        """A constant input chooses `ids` out of `source`."""
        self.picks.append(Pick(self.node.input[slot], source, ids))


Found: TypeAlias = Sequence[Channels | None]
"""The channels of each output of a node."""
