"""`edge steer drive`: the process that owns the actuator, and its child, the loop."""

from __future__ import annotations

import gc
import logging
import os
import signal
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Thread

import click

from edge.commands.numbers import FloatRange
from edge.commands.output import JSON, print_json
from edge.commands.steer.configured import CONFIG, SET, configured
from edge.errors import UserError
from edge.notify import Notifier
from edge.steer.aside import Aside
from edge.steer.assembly import assemble
from edge.steer.parent import Parent

log = logging.getLogger(__name__)
PRIORITY = -10
"""Before what else runs here, behind the kernel's own."""
ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP)
"""All that a terminal sends, or leaves behind: a process that sleeps or dies of it would leave the car driving."""


@click.command()
@CONFIG
@SET
@click.option("--seconds", type=FloatRange(min=0.1), help="End by itself after so long.")
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
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", handlers=[Aside()])
    config = configured(config_file, overrides)
    notifier = Notifier()
    if engage and notifier.present:
        raise UserError("--engage is for a hand at a terminal: a service that is started again must stand")
    with ExitStack() as stack:
        parent = assemble(config, stack, trace, pilot, notifier)

        def stop(*_: object) -> None:
            parent.stopping = True

        for number in ENDS:
            if signal.getsignal(number) != signal.SIG_IGN or number != signal.SIGHUP:  # `nohup` wants it ignored
                signal.signal(number, stop)
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)

        def ready() -> None:
            # By a thread: a pipe that nobody empties, or a terminal that is held, would stop the cycles.
            Thread(target=os.write, args=(2 if as_json else 1, b"ready\n"), daemon=True).start()
            if engage:
                _engage(parent)

        # Inherited by the loop. Without the right to it (the unit has `Nice=`), the load of others is felt.
        with suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
        notifier.ready("disarmed")  # up, whether or not the camera is: that is a state, and no reason to start again
        notifier.hurry()
        gc.freeze()  # a full collection of all that was imported takes tens of milliseconds, many more on a board
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
        log.warning("%s", parent.states.reason)
