"""`edge models list`: what is known by name, what was installed, and which of it is on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from edge.commands.output import JSON, print_json, print_table
from edge.decode import TABLE as DECODERS
from edge.errors import EdgeError, ModelError
from edge.models import catalogue
from edge.models.catalogue import Entry
from edge.models.manifest import Manifest, read_manifest
from edge.models.slots import Slots, installed_packed
from edge.models.store import cached, installed, packed_model, taken_in_by
from edge.text import printable


@dataclass(frozen=True, slots=True)
class Row:
    """A model in the list.

    here: where it is, or how to get it
    extra: what is told of packed ones alone
    """

    manifest: Manifest
    path: Path | None
    entry: Entry | None
    here: str
    extra: dict[str, Any] | None = None


@click.command("list")
@JSON
def list_(as_json: bool) -> None:
    """Show the models that are known by name, those that you installed, and which of them are on this machine."""
    packed = [_packed(slots) for slots in installed_packed().values()]
    serving = {row.manifest.name for row, _ in packed if row}
    entries = (entry for entry in catalogue.entries() if entry.manifest.name not in serving)
    rows = [Row(entry.manifest, cached(entry), entry, _state(entry)) for entry in entries]
    faults: list[EdgeError] = []
    for path in installed().values():
        try:
            rows.append(Row(read_manifest(path.with_name(f"{path.stem}.toml")), path, None, f"yours: {path}"))
        except ModelError as fault:
            faults.append(fault)
    for row, damaged in packed:
        rows += [row] if row else []
        faults += [damaged] if damaged else []
    if as_json:
        print_json([_as_json(row) for row in rows])
    else:
        print_table(("model", "task", "input", "engines", "licence", "here"), [_cells(row) for row in rows])
    for unlisted in faults:
        click.echo(f"edge: not listed: {printable(str(unlisted))}", err=True)


def _packed(slots: Slots) -> tuple[Row | None, EdgeError | None]:
    """The row of an installed packed model; where no slot of it is sound, what is wrong with the one that serves."""
    places: list[dict[str, Any]] = []
    first: EdgeError | None = None
    serving = None
    for letter in slots.filled:
        place = {"slot": letter, "path": str(slots.file(letter)), "serves": False, "version": None, "reason": None}
        try:
            model = packed_model(slots.file(letter))
        except EdgeError as fault:
            first = first or fault
            place["reason"] = str(fault)
        else:
            place |= {"serves": serving is None, "version": model.packed and model.packed.origin.version}
            place |= {"sha256": model.sha256, "bytes": model.packed and model.packed.size}
            serving = serving or model
        places.append(place)
    if serving is None:
        return None, first
    told = [f"version {place['version']} {'serves' if place['serves'] else 'kept'}" for place in places]
    bad = ["a damaged one" if place["reason"] else said for place, said in zip(places, told, strict=True)]
    here = f"packed: {', '.join(bad)}{', one set aside' if slots.aside else ''}: {slots.link}"
    extra = {"version": next(place["version"] for place in places if place["serves"]), "slots": places}
    return Row(serving.manifest, serving.path, None, here, extra | {"aside": slots.aside or None}), None


def _state(entry: Entry) -> str:
    path = cached(entry)
    if path is not None:
        return str(path)
    if entry.wheel:
        return f"edge models pull {entry.manifest.name}"
    return f"bring the file: {taken_in_by(entry)}"


def _cells(row: Row) -> tuple[str, ...]:
    manifest = row.manifest
    return (
        manifest.name,
        manifest.task,
        f"{manifest.input.width} x {manifest.input.height}",
        " ".join(manifest.engines) or "-",
        manifest.licence or "-",
        row.here,
    )


def _as_json(row: Row) -> dict[str, object]:
    manifest, entry = row.manifest, row.entry
    return {
        "name": manifest.name,
        "task": manifest.task,
        "decoder": manifest.decoder,
        "runnable": manifest.decoder in DECODERS,
        "engines": list(manifest.engines),
        "licence": manifest.licence,
        "source": manifest.source,
        "sha256": manifest.sha256,
        "yours": entry is None,
        "pullable": entry is not None and entry.wheel is not None,
        "default": manifest.name in catalogue.DEFAULTS,
        "path": row.path and str(row.path),
        "packed": row.extra,
    }
