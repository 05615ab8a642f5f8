"""`edge inspect`, `verify`, `unpack`, `sign` and `delta`: packed models as files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from edge.commands.models import inspect as inspect_plain
from edge.commands.output import JSON, print_json
from edge.commands.packed_facts import show_packed, whose
from edge.commands.written import check_writable, write
from edge.errors import ModelError, UserError
from edge.models import trust
from edge.models.install import read_file
from edge.models.manifest import to_toml
from edge.models.packed import delta as updates
from edge.models.packed.container import MAGIC
from edge.models.packed.read import Packed, read
from edge.models.store import find
from edge.paths import GONE, is_file, unreadable
from edge.text import printable

FILE = click.Path(path_type=Path)


@click.command()
@click.argument("file", type=FILE)
@JSON
@click.pass_context
def inspect(context: click.Context, file: Path, as_json: bool) -> None:
    """Show what is in a packed model FILE: its tensors, how each is stored and what it takes; nothing is decoded.

    Of a plain model file, the same as `edge models inspect`.
    """
    _there([file])
    if _is_packed(file):
        show_packed(file, as_json=as_json)
    else:
        context.invoke(inspect_plain, file=file, engine="auto", overrides=(), write=False, as_json=as_json)


@click.command()
@click.argument("files", nargs=-1, required=True, type=FILE)
@JSON
def verify(files: Sequence[Path], as_json: bool) -> int:
    """Check FILES: hash, structure, signature, and that every tensor decodes within its bounds; no engine is loaded.

    Exit code 1 if one is not what it should be.
    """
    _there(files)
    rows = [_verified(file) for file in files]
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            click.echo(printable(f"{row['path']}: {row['told']}" if row["ok"] else f"{row['reason']}"))
    return 0 if all(row["ok"] for row in rows) else 1


@click.command()
@click.argument("file", type=FILE)
@click.option("-o", "--output", required=True, type=FILE, help="Write the plain model here.")
@click.option("--force", is_flag=True, help="Overwrite what is there.")
def unpack(file: Path, output: Path, force: bool) -> None:
    """Give back a plain model from a packed FILE, with the decoded weights under their names.

    Its manifest is put beside it, unless there is one.
    """
    _there([file])
    check_writable(output, over=file)
    packed = read(file, trust.trusted())
    if output.suffix.lower() != packed.suffix:
        raise UserError(f"{output}: the model inside is {packed.suffix}: name it {output.with_suffix(packed.suffix)}")
    parts = {output: packed.plain}
    if packed.suffix == ".xml":
        parts[output.with_suffix(".bin")] = packed.blob
    taken = next((path for path in parts if os.path.lexists(path)), None)
    if taken is not None and not force:
        raise UserError(f"{taken} is there already: `--force` overwrites it")
    described = output.with_suffix(".toml")
    for path, part in reversed(parts.items()):  # an IR is its .xml, which comes last
        write(path, part())
        click.echo(f"{path}: {path.stat().st_size:,} bytes")
    if os.path.lexists(described):
        click.echo(f"{described}: left as it is")
    else:
        write(described, to_toml(packed.manifest).encode())
        click.echo(f"{described}: its manifest")


@click.command()
@click.argument("file", type=FILE)
@click.option("--key", required=True, type=FILE, help="PEM file of an Ed25519 private key.")
@click.option("-o", "--output", type=FILE, help="Write the signed file here, not over FILE.")
def sign(file: Path, key: Path, output: Path | None) -> None:
    """Sign a packed FILE, so that devices that trust your key take it; a signature that it has is replaced."""
    from edge.tools.sign import sign_file

    _there([file, key])
    target = output or file
    check_writable(target)
    public = sign_file(file, key, target)
    click.echo(f"{target}: signed; the key's fingerprint is {trust.fingerprint(public)}")


@click.command()
@click.argument("old", type=FILE)
@click.argument("new", type=FILE)
@click.option("-o", "--output", required=True, type=FILE, help="Write the update here, as NAME.epd.")
@click.option("--force", is_flag=True, help="Overwrite what is there.")
def delta(old: Path, new: Path, output: Path, force: bool) -> None:
    """Make an update from the packed file OLD, as it is installed, to NEW: only what is new is in it."""
    if output.suffix.lower() != updates.SUFFIX:
        named = output.with_suffix(updates.SUFFIX)
        raise UserError(f"{output}: an update is called NAME{updates.SUFFIX}: name it {named}")
    if os.path.lexists(output) and not force:
        raise UserError(f"{output} is there already: `--force` overwrites it")
    _there([old, new])
    check_writable(output)
    before, after = read(old), read(new)
    if before.manifest.name != after.manifest.name:
        raise UserError(f"{new} is {after.manifest.name}, {old} is {before.manifest.name}: no update leads there")
    made = updates.diff(read_file(old), read_file(new))
    write(output, made)
    share = 100 * len(made) / max(1, after.size)
    click.echo(f"{output}: {len(made):,} bytes, {share:.0f} % of {new}")
    if after.origin.version < before.origin.version:
        click.echo(f"edge: it leads back to version {after.origin.version}: installing wants `--allow-older`", err=True)


def _verified(file: Path) -> dict[str, Any]:
    row: dict[str, Any] = {"path": str(file), "ok": True, "reason": None, "bytes": file.stat().st_size}
    try:
        told, packed = _checked(file)
    except ModelError as fault:
        return row | {"ok": False, "reason": str(fault)}
    return row | {
        "told": told,
        "sha256": packed and packed.sha256,
        "signed": packed and packed.key is not None,
    }


def _checked(file: Path) -> tuple[str, Packed | None]:
    """What is to be said of a sound file. Raises ModelError for one that is not."""
    if _is_packed(file):
        packed = read(file, trust.trusted())
        packed.check()
        return f"sound; {whose(packed)}", packed
    content = read_file(file) if file.suffix.lower() == updates.SUFFIX else b""
    if content:
        update = updates.parse(content, file)
        return f"a sound update, from {update.old[:12]}… to {update.new[:12]}…", None
    find(str(file))
    return "as its manifest says", None


def _is_packed(file: Path) -> bool:
    """By its name or its first bytes: a packed file that was renamed is one, and so is a damaged one of that name."""
    if file.suffix.lower() == ".epk":
        return True
    try:
        with file.open("rb") as opened:
            return opened.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def _there(files: Sequence[Path]) -> None:
    for file in files:
        fault = unreadable(file)
        if fault is not None or not is_file(file):
            raise ModelError(f"{file}: {'no such file' if fault == GONE else fault or 'is no file'}")
