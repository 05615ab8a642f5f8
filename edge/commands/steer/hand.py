"""`edge steer neutral` and `calibrate`: the actuator by hand, while no steering runs."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack, closing
from pathlib import Path

import click

from edge.clock import SystemClock
from edge.commands.steer.configured import CONFIG, SET, configured
from edge.config.schema import Config
from edge.errors import UserError
from edge.steer.actuators.base import Actuator, open_actuator
from edge.steer.assembly import actuator_of
from edge.steer.desk import alone

ENDS = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP)
LEAST, MOST = 500, 2500
"""Microseconds that any servo or speed controller is built for lie between."""


@click.command()
@CONFIG
@SET
def neutral(config_file: Path | None, overrides: tuple[str, ...]) -> None:
    """Leave the actuator at neutral: for `ExecStopPost=`, whatever became of the process that owned it.

    A car behind MQTT stands by itself once its last command has expired.
    """
    config = configured(config_file, overrides)
    if config.steer.actuator != "mqtt":
        actuator_of(config, SystemClock(), None).close()


@click.command()
@click.argument("what", type=click.Choice(["steering", "throttle"]))
@CONFIG
@SET
def calibrate(what: str, config_file: Path | None, overrides: tuple[str, ...]) -> None:
    """Find the pulses of the servo or the speed controller; prints the line for the configuration.

    Lift the wheels off the ground first. Type a pulse in microseconds and look; an empty line takes it. At the end,
    whatever ends it, the middle pulse is given.
    """
    config = configured(config_file, overrides)
    name = config.steer.actuator
    if name not in ("pca9685", "servo"):
        raise UserError(f"steer.actuator is `{name}`; pulses are calibrated for `pca9685` and `servo`")
    asked = (
        ("full left", "straight on", "full right") if what == "steering" else ("full back", "standstill", "full ahead")
    )
    key = f"{what}_us"
    pulses = list(getattr(getattr(config.steer, name), key))
    with ExitStack() as stack:
        stack.callback(os.close, alone(config.node))
        for number in ENDS:
            stack.callback(signal.signal, number, signal.signal(number, _end))
        stack.callback(lambda: _shown(config, what, pulses[1]).close())
        for place, words in ((1, asked[1]), (0, asked[0]), (2, asked[2])):
            pulses[place] = _found(config, what, words, pulses[place])
    if not (pulses[0] < pulses[1] < pulses[2] or pulses[0] > pulses[1] > pulses[2]):
        raise UserError(f"{pulses}: the pulse of {asked[1]} must lie between the others; begin again")
    click.echo(f"[steer.{name}]\n{key} = {pulses}")


def _found(config: Config, what: str, words: str, pulse: int) -> int:
    """The pulse that somebody takes after trying others."""
    while True:
        with closing(_shown(config, what, pulse)):
            given = click.prompt(
                f"{words}: {pulse} us; another, or nothing to take it", default="", show_default=False, err=True
            )
        if not given:
            return pulse
        if not given.isascii() or not given.isdigit() or not LEAST <= int(given) <= MOST:
            click.echo(f"a whole number from {LEAST} to {MOST}", err=True)
            continue
        pulse = int(given)


def _end(*_: object) -> None:
    """A terminal that goes away must not leave the motor running."""
    raise click.Abort


def _shown(config: Config, what: str, pulse: int) -> Actuator:
    """The actuator with this pulse on the one channel, as its neutral, and its own on the other one."""
    name = config.steer.actuator
    settings = dict(getattr(config.steer, name))
    settings[f"{what}_us"] = (pulse - 1, pulse, pulse + 1)
    return open_actuator(name, settings)
