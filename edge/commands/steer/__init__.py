"""`edge steer`: teach a pilot, judge it, let it drive."""

from __future__ import annotations

import click

from edge.commands.steer.evaluate import evaluate
from edge.commands.steer.imitate import imitate


@click.group(invoke_without_command=True)
@click.pass_context
def steer(context: click.Context) -> None:
    """Steer a small car by its front camera."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for _command in (evaluate, imitate):
    steer.add_command(_command)
