"""How commands print: one JSON document, or a table for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

from edge.text import printable

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def print_json(document: Any) -> None:
    """One JSON document on stdout and nothing else there; what a terminal might obey is escaped."""
    lines = json.dumps(document, ensure_ascii=False, indent=2).split("\n")
    click.echo("\n".join(line if line.isprintable() else "".join(map(_escaped, line)) for line in lines))


def _escaped(letter: str) -> str:
    return letter if letter.isprintable() else json.dumps(letter)[1:-1]


def print_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Columns as wide as their longest cell, numbers at the right; `?` for what a terminal might obey."""
    cells = [[printable(str(cell)) for cell in row] for row in rows]
    widths = [max(len(row[k]) for row in [list(head), *cells]) for k in range(len(head))]
    numeric = [bool(rows) and all(isinstance(row[k], (int, float)) for row in rows) for k in range(len(head))]
    for row in [list(head), *cells]:
        parts = [cell.rjust(w) if n else cell.ljust(w) for cell, w, n in zip(row, widths, numeric, strict=True)]
        click.echo("  ".join(parts).rstrip())
