"""`edge engines`: which back ends are on this machine, and how to get the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from edge.commands.engine_settings import SET, options_of
from edge.commands.output import JSON, print_json, print_table
from edge.engines import registry
from edge.engines.base import Backend, EngineOptions

LONGEST = 110
"""Characters of a reason in the table; all of it is in the JSON."""


@click.command()
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="Ask servers and sticks named here.")
@SET
@JSON
def engines(config_file: Path | None, overrides: Sequence[str], as_json: bool) -> None:
    """Show the engines that can run models here, and how to install the others."""
    options = options_of(overrides, config=config_file)
    found = [registry.probe(name, options, devices=True) for name in registry.TABLE]
    if as_json:
        print_json([asdict(backend) for backend in found])
        return
    print_table(
        ("engine", "version", "devices", "reads", "here"),
        [
            (
                b.name,
                b.version or "-",
                " ".join(b.devices) or "-",
                " ".join(b.suffixes) or "-",
                "yes" if b.available else _why_not(b, options),
            )
            for b in found
        ],
    )


def _why_not(found: Backend, options: EngineOptions) -> str:
    """What is the matter with a back end; how to get it where it is yet to be installed or set, not where it fails."""
    reason = found.reason or ""
    if not registry.probe(found.name, options).available:
        both = f"{reason}: {found.install}"
        if len(both) <= LONGEST:
            return both
        if reason == registry.probe(found.name).reason:  # nothing was set wrongly
            return found.install
    return reason if len(reason) <= LONGEST else reason[: LONGEST - 1] + "…"
