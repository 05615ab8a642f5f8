"""The links of a chain: how each back end is loaded, and what is told when another one serves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge.engines.base import Engine
from edge.errors import EdgeError


@dataclass(frozen=True, slots=True)
class Link:
    """One back end of a chain.

    load: loads the model on it; raises EdgeError
    quick: whether that takes seconds, not minutes
    """

    name: str
    load: Callable[[], Engine]
    quick: Callable[[], bool] = lambda: True


@dataclass(frozen=True, slots=True)
class Change:
    """Which back end serves from now on, None if none does, and why.

    best: whether it is the preferred one
    planned: whether nothing failed: the preferred one is only being prepared
    """

    serving: str | None
    before: str | None
    reason: str
    best: bool
    planned: bool = False


def first(links: Sequence[Link]) -> Engine:
    """The first of the links that loads, for good. Raises EdgeError if none does: the first fault, with the others."""
    faults: list[EdgeError] = []
    for link in links:
        try:
            return link.load()
        except EdgeError as fault:
            faults.append(fault)
    raise all_of(faults)


def all_of(faults: Sequence[EdgeError]) -> EdgeError:
    """One fault of the first one's kind that tells them all."""
    return type(faults[0])("; ".join(map(str, faults)))
