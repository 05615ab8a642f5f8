"""The links of a chain: how each back end is loaded, and what is told when another one serves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge.engines.base import Engine
from edge.errors import EdgeError

PassedOver = Callable[[str], None]
"""Told of a back end that was asked for while a later one serves: a line that names it and the reason."""


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


def log_passed_over(line: str) -> None:
    """For those who have nobody to tell."""
    import logging  # 4 ms, which who only loads a model does not wait for

    logging.getLogger(__name__).info("passed over: %s", line)


def first(links: Sequence[Link], passed_over: PassedOver = log_passed_over) -> Engine:
    """The first of the links that loads, for good.

    Args:
        links: in order of preference
        passed_over: told of those before it; of none where none loads

    Raises:
        EdgeError: none loads; the first fault, with the others.
    """
    faults: list[EdgeError] = []
    for link in links:
        try:
            loaded = link.load()
        except EdgeError as fault:
            faults.append(fault)
            continue
        for before, said in zip(links, map(str, faults), strict=False):
            passed_over(said if before.name in said else f"{before.name}: {said}")
        return loaded
    raise all_of(faults)


def all_of(faults: Sequence[EdgeError]) -> EdgeError:
    """One fault of the first one's kind that tells them all."""
    return type(faults[0])("; ".join(map(str, faults)))
