"""`edge engines`: which back ends are on this machine, and how to get the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from edge.commands.engine_settings import SET, options_of
from edge.commands.output import print_json, print_table
from edge.engines import registry


@click.command()
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="Ask servers and sticks named here.")
@SET
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
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
                "yes" if b.available else b.reason if b.reason == b.install else f"{b.reason}: {b.install}",
            )
            for b in found
        ],
    )
