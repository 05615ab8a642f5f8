"""A row of the table, and how the table is printed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass


class Missing(Exception):
    """What a measurement needs is not on this machine; the text says what."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. target is None for information; `holds` compares a figure with its target."""

    what: str
    figure: str
    target: str | None = None
    holds: bool | None = None


Measure = Callable[[], Iterator[Row]]


def at_most(what: str, value: float, limit: float, unit: str = "") -> Row:
    """A figure that must not be larger."""
    return Row(what, f"{value:.3g}{unit}", f"<= {limit:g}{unit}", value <= limit)


def at_least(what: str, value: float, limit: float, unit: str = "") -> Row:
    """A figure that must not be smaller."""
    return Row(what, f"{value:.3g}{unit}", f">= {limit:g}{unit}", value >= limit)


def line(row: Row) -> str:
    """A row as Markdown."""
    verdict = {None: "", True: "holds", False: "**misses**"}[row.holds]
    return f"| {row.what} | {row.figure} | {row.target or ''} | {verdict} |"
