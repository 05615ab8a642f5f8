"""`edge doctor`: is this machine fit, and is all there that the configuration needs?"""

from __future__ import annotations

from pathlib import Path

import click

from edge.commands.output import JSON, print_json
from edge.doctor.bundle import report, write_bundle
from edge.doctor.examine import examine
from edge.text import printable

_MARKS = {"ok": ("ok", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "red")}


@click.command()
@click.option("--config", type=click.Path(path_type=Path), help="Default: /etc/edge/edge.toml, else ./edge.toml.")
@JSON
@click.option("--bundle", type=click.Path(path_type=Path), help="Write a .tar.gz for a bug report, without secrets.")
def doctor(config: Path | None, as_json: bool, bundle: Path | None) -> int:
    """Look at the machine and at what the configuration needs of it; exit with 1 if something does not work."""
    verdicts = examine(config)
    if as_json:
        print_json(report(verdicts))
    else:
        width = max(len(verdict.name) for verdict in verdicts)
        for verdict in verdicts:
            mark, colour = _MARKS[verdict.grade]
            click.echo(
                f"{click.style(mark.ljust(4), fg=colour)}  {verdict.name.ljust(width)}  {printable(verdict.found)}"
            )
            if verdict.advice:
                click.echo(f"{' ' * (width + 8)}-> {printable(verdict.advice)}")
    if bundle is not None:
        write_bundle(bundle, config, verdicts)
        click.echo(f"Wrote {bundle}. It has no passwords; look into it before you send it.", err=True)
    return int(any(verdict.grade == "fail" for verdict in verdicts))
