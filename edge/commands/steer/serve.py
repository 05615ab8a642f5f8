"""`edge steer serve`: a model drives a simulator's car."""

from __future__ import annotations

import logging
import signal

import click

from edge.clock import SystemClock
from edge.commands.numbers import FloatRange
from edge.errors import UserError
from edge.steer.pilots import of_image
from edge.steer.udacity import Driver, Server


@click.command()
@click.option("--udacity", is_flag=True, help="As the Udacity simulator speaks; the only one so far.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=4567, show_default=True, type=click.IntRange(0, 65535), help="Port; 0: a free one.")
@click.option("--model", default="mainsqueeze", show_default=True, help="The model, as steer.model.")
@click.option("--engine", default="auto", show_default=True, help="Back end, as steer.engine.")
@click.option("--pilot", metavar="MODULE:NAME", help="A callable of your own instead of the model: BGR image to -1..1.")
@click.option("--speed", default=15.0, show_default=True, type=FloatRange(0, 100), help="Miles an hour to keep.")
def serve(udacity: bool, host: str, port: int, model: str, engine: str, pilot: str | None, speed: float) -> None:
    """Wait for a simulator and drive its car until stopped.

    Start it, then the simulator in its autonomous mode, which connects to port 4567 of its own computer.
    """
    if not udacity:
        raise UserError("which simulator? Add --udacity")
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    driver = Driver(of_image(pilot, model, (engine,)), speed, SystemClock())
    server = Server(driver, host, port)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.close())
    click.echo(f"ready: waiting for the simulator on {host}:{server.port}")
    server.serve()
    click.echo(f"{driver.answered} messages answered, {driver.refused} of them with neutral since something was wrong")
