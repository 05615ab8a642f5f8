"""`edge board ...`: what a Raspberry Pi or a Jetson is set up with around the program."""

from __future__ import annotations

from pathlib import Path

import click

from edge.commands.output import JSON, print_json, print_table
from edge.errors import StorageError, UserError
from edge.firmware.apply import apply as apply_board
from edge.firmware.apply import check_board, check_rights
from edge.firmware.apply import revert as revert_board
from edge.firmware.board import board as known_board
from edge.firmware.board import boards, model_of
from edge.firmware.plan import Plan, to_apply, to_revert
from edge.firmware.record import Record, Store
from edge.firmware.tree import Tree
from edge.text import printable, printable_lines

ROOT = click.option(
    "--root", type=click.Path(path_type=Path), default=Path("/"), help="Another system's root: an image, mounted."
)
DRY_RUN = click.option("--dry-run", is_flag=True, help="Show the differences, as `diff -u` does; change nothing.")


@click.group()
def board() -> None:
    """Set up the board itself: watchdog, card, swap, camera, power mode, broker."""


@board.command("list")
@ROOT
@JSON
def list_boards(root: Path, as_json: bool) -> None:
    """The boards that are known, which one this is, and which is applied."""
    model, record = model_of(root), _record(root)
    state = "" if record is None else "applied" if record.whole else "half applied: apply it again, or revert"
    rows = [
        (one.name, one.title, one.is_it(model), state if record and record.board == one.name else "")
        for one in boards().values()
    ]
    if as_json:
        print_json([dict(zip(("name", "title", "this", "state"), row, strict=True)) for row in rows])
        return
    print_table(("board", "", "this one", "state"), [(n, t, "yes" if this else "", s) for n, t, this, s in rows])
    if not any(row[2] for row in rows):
        click.echo(f"edge: this machine is none of them: {printable(model) or 'it has no device tree'}", err=True)


@board.command()
@click.argument("name")
@DRY_RUN
@click.option("--force", is_flag=True, help="Though this machine is another board.")
@ROOT
def apply(name: str, dry_run: bool, force: bool, root: Path) -> None:
    """Apply the files of the board NAME, keeping what was there; a second time changes nothing."""
    wanted = known_board(name)
    if not force:
        check_board(wanted, root)
    if dry_run:
        tree = Tree(root)
        _show(to_apply(wanted, tree, Store(tree)))
        return
    check_rights(root)
    plan = apply_board(wanted, root)
    _tell(plan, root)
    click.echo(f"{name}: applied; it counts from the next start on: sudo reboot" if plan.changes else f"{name}: is so")


@board.command()
@DRY_RUN
@ROOT
def revert(dry_run: bool, root: Path) -> None:
    """Put back what was there before the first apply; files that were changed since stay."""
    if dry_run:
        tree = Tree(root)
        _show(to_revert(tree, Store(tree)))
        return
    check_rights(root)
    _tell(revert_board(root), root)
    click.echo("reverted; it counts from the next start on: sudo reboot")


@board.command()
@click.argument("name")
def profile(name: str) -> None:
    """Print an edge.toml to begin with: engine, model, threads and stream that fit the board NAME."""
    click.echo(known_board(name).profile, nl=False)


def _record(root: Path) -> Record | None:
    """What is applied; None where nothing is, or only root may know."""
    try:
        return Store(Tree(root)).read()
    except (StorageError, UserError):
        return None


def _show(plan: Plan) -> None:
    for change in plan.changes:
        click.echo(printable_lines(change.diff()), nl=False)
    if not plan.changes:
        click.echo("edge: nothing would change", err=True)


def _tell(plan: Plan, root: Path) -> None:
    for change in plan.changes:
        what = "new" if change.now is None else "removed" if change.then is None else "changed"
        click.echo(f"{what:8} {root / change.path}")
    for path in plan.left:
        click.echo(f"edge: {root / path} was changed by somebody else since: it stays as it is", err=True)
