"""Apply a board's files to a system, and take them back."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from edge.errors import UserError
from edge.firmware.board import Board, model_of
from edge.firmware.plan import Plan, to_apply, to_revert
from edge.firmware.record import Record, Store
from edge.firmware.tree import Tree


def check_board(board: Board, root: Path) -> None:
    """Whether a root is that of such a board, or an image's, which has no device tree; UserError if it is another's."""
    model = model_of(root)
    image = not model and root.resolve() != Path("/")
    if not image and not board.is_it(model):
        raise UserError(
            f"this machine is {model or 'none of the boards (it has no device tree)'}, not a {board.title}: "
            "`edge board list` shows the names; `--force` applies it all the same"
        )


def check_rights(root: Path) -> None:
    """UserError for a root that is none, or that this user may not change."""
    if not (root / "etc").is_dir():
        raise UserError(f"{root}: is no root of a system: there is no folder `etc` in it")
    if not os.access(root / "etc", os.W_OK):
        raise UserError(f"{root}: only root may change this system: put `sudo` in front, or look with `--dry-run`")


def apply(board: Board, root: Path) -> Plan:
    """Make a system what the board's files say, or finish an apply that was cut off; the plan that was carried out.

    Raises:
        UserError: the boot files are not there or not as they should be.
        StorageError: the disk does not take it; calling again finishes it, `revert` takes it back.
    """
    tree = Tree(root)
    store = Store(tree)
    with store.locked():
        before = _found(tree, store)
        plan = to_apply(board, tree, store)
        if plan.changes or plan.record != before:
            for content in plan.backups:
                store.keep(content)
            store.write(_both(before, plan.record))
            _carry_out(plan, tree)
            store.write(replace(plan.record, folders=tree.prune(plan.record.folders)))
    return plan


def revert(root: Path) -> Plan:
    """Put back what was there before the first apply; the plan that was carried out. Errors as of `apply`."""
    tree = Tree(root)
    store = Store(tree)
    to_revert(tree, store)  # what it has against it is said before anything is made here
    with store.locked():
        before = _found(tree, store)
        plan = to_revert(tree, store)
        store.write(replace(before, whole=False))
        _carry_out(plan, tree)
        tree.prune(before.folders)
        store.clear()
    return plan


def _found(tree: Tree, store: Store) -> Record:
    """What is applied; drafts of an apply that was cut off are swept away."""
    record = store.read()
    if not record.whole:
        tree.sweep(record.paths)
    return record


def _carry_out(plan: Plan, tree: Tree) -> None:
    for change in plan.changes:
        tree.write(change.path, change.then, change.mode)


def _both(before: Record, then: Record) -> Record:
    """What may be there while it changes: of an apply that is cut off, nothing is forgotten."""
    words = {
        path: tuple(dict.fromkeys((*before.words.get(path, ()), *then.words.get(path, ()))))
        for path in {**before.words, **then.words}
    }
    blocks = tuple(dict.fromkeys((*before.blocks, *then.blocks)))
    return Record(then.board, False, {**before.kept, **then.kept}, blocks, words, then.folders)
