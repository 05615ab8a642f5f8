"""`edge steer drive`: the process that owns the actuator, and its child, the loop."""

from __future__ import annotations

import logging
import os
import signal
from contextlib import ExitStack, suppress
from pathlib import Path

import click

from edge.commands.output import JSON, print_json
from edge.commands.steer.configured import CONFIG, SET, configured
from edge.notify import Notifier
from edge.steer.assembly import assemble
from edge.steer.parent import Parent

PRIORITY = -10
"""Before what else runs here, behind the kernel's own."""


@click.command()
@CONFIG
@SET
@click.option("--seconds", type=click.FloatRange(min=0.1), help="End by itself after so long.")
@click.option(
    "--trace", type=click.Path(path_type=Path), help="Write a line of JSON a cycle, as given to the actuator."
)
@click.option("--pilot", metavar="MODULE:NAME", help="A callable of your own instead of the model: BGR image to -1..1.")
@click.option("--engage", is_flag=True, help="Arm and engage as soon as commands come: the wheels are off the ground.")
@JSON
def drive(
    config_file: Path | None,
    overrides: tuple[str, ...],
    seconds: float | None,
    trace: Path | None,
    pilot: str | None,
    engage: bool,
    as_json: bool,
) -> None:
    """Steer by the front camera until stopped; the car stands until `edge steer arm` and `edge steer engage`.

    Prints `ready` once commands come, on stderr with --json. At the end it prints the cycles and the latencies.
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    config = configured(config_file, overrides)
    notifier = Notifier()
    with ExitStack() as stack:
        parent = assemble(config, stack, trace, pilot, notifier)

        def stop(*_: object) -> None:
            parent.stopping = True

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)

        def ready() -> None:
            click.echo("ready", err=as_json)
            if engage:
                _engage(parent)

        # Inherited by the loop. Without the right to it (the unit has `Nice=`), the load of others is felt.
        with suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
        notifier.ready("disarmed")  # up, whether or not the camera is: that is a state, and no reason to start again
        begun = parent.now()
        parent.run(begun + seconds if seconds is not None else float("inf"), ready)
    if as_json:
        print_json(parent.summary())
    else:
        for name, value in parent.summary().items():
            shown = ", ".join(f"{key} {one}" for key, one in value.items()) if isinstance(value, dict) else value
            click.echo(f"{name:<12} {shown}")


def _engage(parent: Parent) -> None:
    if not (parent.order("ARM") and parent.order("ENGAGE")):
        click.echo(parent.states.reason, err=True)
