"""`edge steer`: teach a pilot, judge it, let it drive a small car."""

from __future__ import annotations

import click

from edge.commands.steer.drive import drive
from edge.commands.steer.evaluate import evaluate
from edge.commands.steer.hand import calibrate, neutral
from edge.commands.steer.imitate import imitate
from edge.commands.steer.orders import orders
from edge.commands.steer.serve import serve
from edge.commands.steer.train import train


@click.group(invoke_without_command=True)
@click.pass_context
def steer(context: click.Context) -> None:
    """Drive a small car by a model: camera in, steering out."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for command in (drive, *orders, calibrate, neutral, serve, evaluate, imitate, train):
    steer.add_command(command)
