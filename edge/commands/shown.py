"""How far a long command is: a bar on a terminal, by rich where it is here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import click


class Shown(Protocol):
    """Where a command that takes minutes tells of itself, on stderr."""

    def progress(self, doing: str, part: float) -> None:
        """So much of what is done has been, 0..1; told anew for each thing that is done."""
        ...

    def line(self, text: str) -> None:
        """A line that stays."""
        ...


class Lines:
    """Lines alone: a log wants no bar.

    Args:
        steps: have a line for each thing that is begun; of a name with a colon, what stands before it counts
    """

    def __init__(self, *, steps: bool = False) -> None:
        self._steps = steps
        self._doing = ""

    def progress(self, doing: str, part: float) -> None:
        """A line if it is another thing than before, where those are wanted."""
        doing = doing.partition(":")[0]
        if self._steps and doing != self._doing:
            self.line(f"{doing} …")
        self._doing = doing

    def line(self, text: str) -> None:
        """A line on stderr."""
        click.echo(text, err=True)


class Bar:
    """One bar for what is being done, and lines above it.

    Args:
        bars: rich's `Progress`
    """

    def __init__(self, bars: Any) -> None:
        self._bars = bars
        self._task = bars.add_task("starting", total=1.0)
        self._doing = ""

    def progress(self, doing: str, part: float) -> None:
        """Move the bar; another name begins it again."""
        if doing != self._doing:
            self._bars.reset(self._task, description=doing)
            self._doing = doing
        self._bars.update(self._task, completed=part)

    def line(self, text: str) -> None:
        """A line above the bar."""
        self._bars.console.print(text, highlight=False, markup=False)


@contextmanager
def shown(*, steps: bool = False) -> Iterator[Shown]:
    """A bar on a terminal, lines elsewhere and where rich is not here; steps: as `Lines` has it."""
    if sys.stderr.isatty():
        try:
            from rich.console import Console
            from rich.progress import Progress
        except ImportError:
            pass
        else:
            with Progress(console=Console(stderr=True), transient=True) as bars:
                yield Bar(bars)
            return
    yield Lines(steps=steps)
