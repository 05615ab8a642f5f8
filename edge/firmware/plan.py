"""What would change: from a board, a system and the record of what stands on it already; nothing is written here."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from edge.errors import UserError
from edge.firmware.board import Board
from edge.firmware.fence import missing_words, put_block, put_words, take_block, take_words
from edge.firmware.record import Kept, Record, Store, digest, kept_as
from edge.firmware.tree import Content, Link, Tree

UNITS = "etc/systemd/system"
MASK = Link("/dev/null")
"""What an owner puts in the place of a unit, a drop-in or rules that he does not want. Source: systemd.unit(5)."""
BOOT = ("boot/firmware", "boot")
"""Where the boot partition is: on Raspberry Pi OS from Debian 12 on, and before."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a path holds, and what it is to hold."""

    path: str
    now: Content
    then: Content
    mode: int

    def diff(self) -> str:
        """As `diff -u` says it; a link is shown by a line that says where it points."""
        old, new = _lines(self.now), _lines(self.then)
        names = (
            "/dev/null" if self.now is None else f"a/{self.path}",
            "/dev/null" if self.then is None else f"b/{self.path}",
        )
        lines = difflib.unified_diff(old, new, *names)
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done, in order.

    backups: files that have to be safe before the first change
    record: what holds after the last change
    left: paths that somebody else changed since, which stay as they are
    """

    changes: tuple[Change, ...]
    backups: tuple[bytes, ...]
    record: Record
    left: tuple[str, ...]


def to_apply(board: Board, tree: Tree, store: Store) -> Plan:
    """What lacks until a system is as the board's files say, but for those that its owner has masked; what an earlier
    apply put there and this one does not goes back to what it was.

    Raises:
        UserError: no config.txt on a board that has one, or a broken block in it.
    """
    old = store.read()
    wanted = _wanted(board, tree)
    changes: list[Change] = []
    backups: list[bytes] = []
    kept: dict[str, Kept] = {}
    folders = list(old.folders)
    for path, then in wanted.items():
        now, mode = tree.look(path), tree.mode(path)
        if now == MASK:
            continue
        kept[path] = _kept(old.kept.get(path), now, then, mode)
        if isinstance(now, bytes):
            backups.append(now)
        if now != then:
            folders += [folder for folder in tree.new_folders(path) if folder not in folders]
            changes.append(Change(path, now, then, mode))
    gone = {path: entry for path, entry in old.kept.items() if path not in wanted}
    undone, left = _undo(gone, tree, store)
    blocks, words, boot = _boot(board, old, tree)
    record = Record(board.name, True, kept, blocks, words, tuple(folders))
    return Plan((*changes, *undone, *boot), tuple(backups), record, left)


def to_revert(tree: Tree, store: Store) -> Plan:
    """What lacks until a system is as it was; what somebody changed after us stays, and is named in `left`.

    Raises:
        UserError: nothing is applied, or a broken block in config.txt.
    """
    old = store.read()
    if not old.board:
        raise UserError(f"{tree.root}: nothing is applied here")
    changes, left = _undo(old.kept, tree, store)
    for path in old.blocks:
        changes += _edit(path, tree, take_block(_text(path, tree), str(tree.root / path)))
    for path, words in old.words.items():
        changes += _edit(path, tree, take_words(_text(path, tree), words))
    return Plan(tuple(changes), (), Record(), left)


def _wanted(board: Board, tree: Tree) -> dict[str, Content]:
    """What is ours as a whole: files of the layers that fit this system, and links that switch units on."""
    wanted: dict[str, Content] = {}
    wants: dict[str, str] = {}
    for layer in board.layers:
        if (layer.needs and not tree.there(layer.needs)) or (layer.lacks and tree.there(layer.lacks)):
            continue
        wanted.update(layer.files())
        wants.update(layer.wants)
    wants.update(board.wants)
    for unit, target in wants.items():
        wanted[f"{UNITS}/{target}.wants/{unit}"] = Link(f"/{UNITS}/{re.sub('@[^.]*', '@', unit)}")
    return wanted


def _kept(before: Kept | None, now: Content, then: Content, mode: int) -> Kept:
    """What comes back at a revert: what was there last that we had not written."""
    if before is not None and digest(now) in before.ours:
        return replace(before, ours=tuple(dict.fromkeys((*before.ours, digest(then)))))
    ours = before.ours if before is not None else ()
    kind, value = kept_as(now)
    return Kept(kind, value, mode, tuple(dict.fromkeys((*ours, digest(then)))))


def _undo(kept: Mapping[str, Kept], tree: Tree, store: Store) -> tuple[list[Change], tuple[str, ...]]:
    changes, left = [], []
    for path, entry in kept.items():
        now, before = tree.look(path), store.before(entry)
        if now != before and digest(now) in entry.ours:
            changes.append(Change(path, now, before, entry.mode))
        elif now != before:
            left.append(path)
    return changes, tuple(left)


def _boot(board: Board, old: Record, tree: Tree) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]], list[Change]]:
    """Our part of the boot files: which files have blocks and words of ours, and what changes in them."""
    changes: list[Change] = []
    blocks: tuple[str, ...] = ()
    words: dict[str, tuple[str, ...]] = {}
    folder = _boot_folder(tree) if board.config else None
    config, cmdline = f"{folder}/config.txt", f"{folder}/cmdline.txt"
    if folder is not None:
        blocks = (config,)
        changes += _edit(config, tree, put_block(_text(config, tree), board.config, str(tree.root / config)))
        if isinstance(tree.look(cmdline), bytes):
            wanted = board.cmdline.split()
            gone = tuple(word for word in old.words.get(cmdline, ()) if word not in wanted)
            without = take_words(_text(cmdline, tree), gone)
            missing = missing_words(without, board.cmdline)
            still = tuple(word for word in old.words.get(cmdline, ()) if word in wanted and word not in missing)
            words[cmdline] = still + missing
            changes += _edit(cmdline, tree, put_words(without, missing))
    for path in old.blocks:
        if path not in blocks:
            changes += _edit(path, tree, take_block(_text(path, tree), str(tree.root / path)))
    for path, before in old.words.items():
        if path not in words:
            changes += _edit(path, tree, take_words(_text(path, tree), before))
    return blocks, words, changes


def _boot_folder(tree: Tree) -> str:
    for folder in BOOT:
        if isinstance(tree.look(f"{folder}/config.txt"), bytes):
            return folder
        if tree.there(folder):  # Raspberry Pi OS leaves a stub in /boot beside it
            break
    raise UserError(
        f"{tree.root / BOOT[0]}/config.txt: is not there; mount the boot partition (`sudo mount {tree.root / BOOT[0]}`)"
    )


def _text(path: str, tree: Tree) -> bytes:
    now = tree.look(path)
    return now if isinstance(now, bytes) else b""


def _edit(path: str, tree: Tree, then: bytes) -> list[Change]:
    now = tree.look(path)
    if not isinstance(now, bytes) or now == then:
        return []
    return [Change(path, now, then, tree.mode(path))]


def _lines(content: Content) -> list[str]:
    if isinstance(content, Link):
        return [f"link to {content.target}\n"]
    return [] if content is None else content.decode("utf-8", errors="replace").splitlines(keepends=True)
