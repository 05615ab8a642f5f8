"""`edge steer arm | engage | disarm | estop | hold | status`: a hand's orders to the steering that runs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from edge.commands.output import JSON, print_json
from edge.commands.steer.configured import CONFIG
from edge.config.load import load_node
from edge.errors import EdgeError
from edge.steer.deadman import HOLD_S
from edge.steer.desk import ask

REACHED = {"arm": "armed", "engage": "engaged", "disarm": "disarmed", "estop": "fault"}


def _tell(status: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(status)
    else:
        click.echo(f"{status['state']}: {status['reason']}")
        if status["trouble"]:
            click.echo(f"it cannot be driven now: {status['trouble']}")


def _why(name: str, status: dict[str, Any]) -> str:
    """Why an order was refused. The state keeps the reason of a fault, not that of the refusal."""
    reason: str = status["reason"]
    if status["state"] == "fault":
        reason = f"it is at fault ({reason}), `edge steer arm` comes first"
    return status["trouble"] or reason.removeprefix(f"{name.upper()} refused: ")


def _order(name: str, text: str) -> click.Command:
    @click.command(name, help=text)
    @CONFIG
    @JSON
    def command(config_file: Path | None, as_json: bool) -> None:
        status = ask(load_node(config_file), name.upper())
        followed = status["state"] == REACHED[name]
        if followed or as_json:
            _tell(status, as_json)
        if not followed:
            raise EdgeError(f"{name} refused: {_why(name, status)}")

    return command


@click.command()
@CONFIG
@JSON
def status(config_file: Path | None, as_json: bool) -> None:
    """Tell what the steering does."""
    _tell(ask(load_node(config_file), "STATUS"), as_json)


@click.command()
@CONFIG
def hold(config_file: Path | None) -> None:
    """Hold the dead-man input until Ctrl-C, where `steer.deadman` is `hold`."""
    node = load_node(config_file)
    ask(node, "HOLD")
    click.echo("held; Ctrl-C lets go", err=True)
    while True:
        ask(node, "HOLD")
        time.sleep(HOLD_S / 3)


orders: tuple[click.Command, ...] = (
    _order("arm", "Let the car be engaged; from a fault, too, once its cause is gone."),
    _order("engage", "Let the armed car drive."),
    _order("disarm", "Have the car stand."),
    _order("estop", "Have the car stand at once, at fault until it is armed again."),
    hold,
    status,
)
