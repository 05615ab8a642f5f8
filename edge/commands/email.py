"""`edge email`: is mail set up well?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import click

from edge import mailing
from edge.commands.output import JSON, print_json
from edge.config.load import load
from edge.config.schema import Config
from edge.errors import UserError
from edge.sinks.email.probe import Step, patient, probe
from edge.sinks.email.settings import EmailSettings
from edge.text import printable

WAIT_S = 10.0
_MARKS = {True: ("✓", "green"), False: ("✗", "red")}


@click.group()
def email() -> None:
    """Mail: try whether it arrives."""


@email.command()
@click.option("--to", metavar="ADDR", multiple=True, help="Who gets it, instead of all who are configured; repeatable.")
@click.option("--config", type=click.Path(path_type=Path), help="Default: /etc/edge/edge.toml, else ./edge.toml.")
@JSON
def test(to: tuple[str, ...], config: Path | None, as_json: bool) -> int:
    """Send a real mail, a line for each step; the last one says why it does not arrive and what to do."""
    found = load(config, files=True)
    settings = _settings(found, to)
    steps = []
    for step in _steps(found, settings):
        steps.append(step)
        if not as_json:
            mark, colour = _MARKS[step.ok]
            click.echo(f"{click.style(mark, fg=colour)} {step.name.ljust(11)}  {printable(step.found)}")
    well = all(step.ok for step in steps)
    if as_json:
        print_json({"ok": well, "server": settings.address, "steps": [asdict(step) for step in steps]})
    return int(not well)


def _settings(config: Config, to: tuple[str, ...]) -> EmailSettings:
    """Where the mail is handed in; to everybody, each of whom may have rules of their own."""
    if not config.email.host:
        raise UserError("no mail server is configured: set `host`, `from` and `to` in [email], see docs/how-to/mail.md")
    strange = [address for address in to if "@" not in address or not address.isprintable() or " " in address]
    if strange:
        raise UserError(f"--to {printable(strange[0])} is not a mail address; write name@example.org")
    groups = mailing.settings(config)
    everybody = tuple(address for group in groups for address in group.to)
    return patient(replace(groups[0], to=to or everybody), WAIT_S)


def _steps(config: Config, settings: EmailSettings) -> Iterator[Step]:
    return probe(settings, send=True, now=time.time(), node=config.node.name)
