"""`edge models install`, `rollback`, `remove` and `trust`: what changes on a device."""

from __future__ import annotations

from pathlib import Path

import click

from edge.commands.output import print_table
from edge.commands.trial import prove_apart
from edge.decode import head
from edge.engines.registry import MANIFEST, check_suffix
from edge.errors import EdgeError, StorageError, UserError
from edge.models import catalogue, trust
from edge.models.install import Installed, content_of, roll_back
from edge.models.install import install as install_packed
from edge.models.packed import delta
from edge.models.pull import install as install_plain
from edge.models.slots import SUFFIX, installed_packed, slots_of
from edge.models.store import cached, find, installed, packed_model
from edge.paths import GONE, is_file, unreadable
from edge.text import printable


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--manifest", type=click.Path(path_type=Path), help="Its manifest, if it is not beside it.")
@click.option("--allow-older", is_flag=True, help="Of a packed model: take a lower version than was installed before.")
def install(file: Path, manifest: Path | None, allow_older: bool) -> None:
    """Check a model FILE, plain, packed or an update of a packed one, and put it into your cache under its name.

    A packed model is tried out first; the one that serves is kept beside it, to go back to.
    """
    if file.suffix.lower() not in (SUFFIX, delta.SUFFIX):
        _install_plain(file, manifest)
        return
    if manifest is not None:
        raise UserError(f"{file}: a packed model has its manifest inside: leave out `--manifest`")
    fault = unreadable(file)
    if fault is not None or not is_file(file):
        raise UserError(f"{file}: {'no such file' if fault == GONE else fault or 'is no file'}")
    done = install_packed(content_of(file), file, prove_apart, allow_older=allow_older)
    if not done.fresh:
        click.echo(f"{done.name}: this very file serves already, version {done.version}")
        return
    _tell(done)


@click.command()
@click.argument("name")
def rollback(name: str) -> None:
    """Let the version of a packed model NAME serve that was installed before; the same again goes forward."""
    _tell(roll_back(name, prove_apart))


@click.command()
@click.argument("name")
def remove(name: str) -> None:
    """Remove a model by NAME: a packed one with all its versions, else one of yours, else a known one that is here."""
    slots = slots_of(name)
    if slots is not None:
        gone = slots.remove()
    else:
        entry = catalogue.by_name(name)
        path = installed().get(name) if entry is None else cached(entry)
        if path is None:
            raise UserError(f"no model called {name} is installed; `edge models list` shows those that are")
        gone = [path, path.with_name(f"{path.stem}.toml")] if entry is None else [path]
        for file in gone:
            try:
                file.unlink()
            except OSError as fault:
                raise StorageError(f"{file}: cannot be removed: {fault.strerror}") from None
    click.echo("\n".join(f"removed {path}" for path in gone))


@click.command("trust")
@click.argument("key", required=False, type=click.Path(path_type=Path))
@click.option("--list", "listed", is_flag=True, help="Show the keys that are trusted.")
@click.option("--remove", "gone", metavar="NAME", help="Trust a key no longer.")
def trust_key(key: Path | None, listed: bool, gone: str | None) -> None:
    """Trust the Ed25519 public KEY, a PEM file: from the first on, a packed model must be signed by one of them."""
    if sum((key is not None, listed, gone is not None)) != 1:
        raise UserError("name a KEY to trust, or say `--list`, or `--remove NAME`")
    if key is not None:
        fault = unreadable(key)
        if fault is not None:
            raise UserError(f"{key}: {'no such file' if fault == GONE else fault}")
        before = _refused()
        added = trust.add(key)
        click.echo(f"{added.path}: trusted, fingerprint {added.fingerprint}")
        for name, why in _refused().items():
            if name not in before:
                click.echo(f"edge: {printable(name)} is refused from now on: {printable(why)}", err=True)
    elif gone is not None:
        path = trust.remove(gone)
        left = len(trust.keys())
        click.echo(f"removed {path}; " + (f"{left} left" if left else "none is left: any packed model is taken"))
    else:
        keys = trust.keys()
        if keys:
            print_table(("key", "fingerprint", "file"), [(one.path.stem, one.fingerprint, one.path) for one in keys])
        else:
            click.echo("no key is trusted: any packed model is taken")


def _tell(done: Installed) -> None:
    instead = "" if done.before is None else f" in place of {done.before}, which is kept"
    click.echo(f"{done.name}: version {done.version} serves{instead}: {done.path}")
    click.echo("edge: a service that runs takes it in with `systemctl reload edge`", err=True)


def _refused() -> dict[str, str]:
    """The installed packed models that are not let in, with the reason."""
    found = {}
    for name, slots in installed_packed().items():
        try:
            packed_model(slots.file(slots.filled[0]))
        except EdgeError as fault:
            found[name] = str(fault)
    return found


def _install_plain(file: Path, manifest: Path | None) -> None:
    model = find(str(file), manifest)
    if model.path.suffix.lower() == MANIFEST:
        raise UserError(f"{file}: a model that only a server has needs no installing: name its manifest by its path")
    if catalogue.by_sha256(model.sha256) is None:
        head(model.manifest)  # a described model may wait for its decoder, a user's own must name one
    check_suffix(model.suffix)
    name = model.manifest.name
    click.echo(f"{name}: {install_plain(model)}")
    if slots_of(name) is not None:
        click.echo(f"edge: a packed model called {name} serves; `edge models remove {name}` lets this one", err=True)
