"""The `edge` command: a table of sub-commands, each imported only when it is called.

A sub-command is one function in `edge/commands/`, decorated by click. Faults that users can cause are `EdgeError`s:
their text goes to stderr and their exit code to the shell (see `edge.errors`); nothing else is caught here.
"""

from __future__ import annotations

import importlib
import sys

import click

from edge import __version__
from edge.errors import EdgeError
from edge.text import printable_lines

COMMANDS = {
    "run": "edge.commands.run:run",
    "demo": "edge.commands.run:demo",
    "replay": "edge.commands.replay:replay",
    "infer": "edge.commands.infer:infer",
    "posture": "edge.commands.posture:posture",
    "bench": "edge.commands.bench:bench",
    "engines": "edge.commands.engines:engines",
    "check": "edge.commands.check:check",
    "email": "edge.commands.email:email",
    "doctor": "edge.commands.doctor:doctor",
    "board": "edge.commands.board:board",
    "status": "edge.commands.control:status",
    "arm": "edge.commands.alarm:arm",
    "disarm": "edge.commands.alarm:disarm",
    "alarm": "edge.commands.alarm:alarm",
    "switch": "edge.commands.control:switch",
    "events": "edge.commands.control:events",
    "models": "edge.commands.models:models",
    "train-compress": "edge.commands.train_compress:train_compress",
    "train-posture": "edge.commands.train_posture:train_posture",
    "steer": "edge.commands.steer:steer",
    "compress": "edge.commands.compress:command",
    "inspect": "edge.commands.packed:inspect",
    "verify": "edge.commands.packed:verify",
    "unpack": "edge.commands.packed:unpack",
    "sign": "edge.commands.packed:sign",
    "delta": "edge.commands.packed:delta",
}


class LazyGroup(click.Group):
    """Looks a sub-command up in `COMMANDS` and imports its module then, so that `edge --version` costs nothing."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The table's names, in its order: the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The click command behind a name, None for a name that the table does not have."""
        where = COMMANDS.get(cmd_name)
        if where is None:
            return None
        module, _, attribute = where.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


@click.group(cls=LazyGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="edge")
@click.pass_context
def cli(context: click.Context) -> None:
    """Cameras in, decisions out: watch, detect and tell, on the device itself."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main() -> None:
    """Run the command line; exit with the contract's codes (0, 1, 2, 3, 130)."""
    try:
        result = cli.main(standalone_mode=False)
    except EdgeError as fault:
        click.echo(f"edge: {printable_lines(str(fault))}", err=True)
        sys.exit(fault.exit_code)
    except click.UsageError as fault:
        where = fault.ctx.command_path if fault.ctx else "edge"
        click.echo(f"edge: {fault.format_message()}\nTry '{where} --help'.", err=True)
        sys.exit(2)
    except click.ClickException as fault:
        click.echo(f"edge: {fault.format_message()}", err=True)
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    sys.exit(result if isinstance(result, int) else 0)
