"""`edge steer`: a small car that a model drives."""

from __future__ import annotations

import click

from edge.commands.steer.drive import drive
from edge.commands.steer.hand import calibrate, neutral
from edge.commands.steer.orders import orders
from edge.commands.steer.serve import serve


@click.group(invoke_without_command=True)
@click.pass_context
def steer(context: click.Context) -> None:
    """Drive a small car by a model: camera in, steering out."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for command in (drive, *orders, calibrate, neutral, serve):
    steer.add_command(command)
