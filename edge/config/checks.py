"""What one table alone cannot tell: names that clash, files that are not there. Works on data of any quality.

These rules read the raw tables rather than the validated ones, so that one report has all that is wrong.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edge.config.diagnose import Finding
from edge.config.fields import spelt
from edge.config.places import Loc
from edge.labels import MOTION
from edge.paths import GONE, no_folder, unreadable

MODEL_SUFFIXES = (".onnx", ".tflite", ".xml", ".pb", ".engine", ".plan", ".epk", ".toml")
FILES = frozenset(
    {
        ("model", "manifest"),
        ("pose", "network"),
        ("engine", "movidius", "python"),
        ("email", "ca"),
        ("mqtt", "tls", "ca"),
        ("mqtt", "tls", "cert"),
        ("mqtt", "tls", "key"),
        ("web", "cert"),
        ("web", "key"),
    }
)
"""Keys whose value is the path of a file that is read; that of `model.name`, `pose.model` or `camera.source` may be."""
WRITTEN = frozenset({("node", "data"), ("jsonl", "path")})
"""Keys whose value is a path that we write to."""


def leaves(data: Any, loc: Loc = ()) -> Iterator[tuple[Loc, Any]]:
    """Every value that is neither table nor list, with its key."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from leaves(value, (*loc, key))
    elif isinstance(data, list):
        for i, value in enumerate(data):
            yield from leaves(value, (*loc, i))
    else:
        yield loc, data


def path_in(loc: Loc, value: Any) -> tuple[str, str] | None:
    """The path that a value names, split into what stands before it (`file:`) and the path; None if it names none."""
    keys = tuple(part for part in loc if isinstance(part, str))
    if not isinstance(value, str) or not value:
        return None
    if keys in FILES or keys in WRITTEN:
        return "", value
    if keys in (("camera", "source"), ("steer", "source")) and value.startswith("file:") and len(value) > len("file:"):
        return "file:", value.removeprefix("file:")
    if keys in (("model", "name"), ("pose", "model"), ("steer", "model")) and (
        "/" in value or value.endswith(MODEL_SUFFIXES)
    ):
        return "", value
    return None


def clashes(data: dict[str, Any]) -> list[Finding]:
    """Cameras, zones and lines that share a name: their topics, or what is told of them, would be the same."""
    taken: dict[str, str] = {}
    found = []
    for loc, kind, name in _names(data):
        if name in taken:
            found.append(Finding(loc, f"`{name}` is the name of {taken[name]} already", "names are shared by all"))
        else:
            taken[name] = f"a {kind}"
    return found


def unblurred(data: dict[str, Any]) -> list[Finding]:
    """Cameras that look for objects, but for no person, where people are to be unrecognisable."""
    privacy = data.get("privacy")
    if not isinstance(privacy, dict) or privacy.get("blur", "none") in ("none", "skeleton"):
        return []
    found = []
    for i, camera in _tables(data.get("camera")):
        labels = {spelt(label) for label in _texts(camera.get("labels", ["person"]))}
        if "person" not in labels and labels - {MOTION}:
            advice = 'add "person" to its labels: what is not looked for cannot be hidden'
            found.append(Finding(("camera", i, "labels"), "people are to be hidden, and are not looked for", advice))
    return found


def unknown_names(data: dict[str, Any]) -> list[Finding]:
    """Zones that are required and are not there; labels that a camera filters and does not look for."""
    found = []
    for i, camera in _tables(data.get("camera")):
        zones = [zone["name"] for _, zone in _tables(camera.get("zone")) if isinstance(zone.get("name"), str)]
        for k, name in enumerate(_texts(camera.get("required_zones"))):
            if name not in zones:
                help = _meant(name, zones) or "add a `[[camera.zone]]` with this name"
                found.append(Finding(("camera", i, "required_zones", k), f"this camera has no zone `{name}`", help))
        labels = [spelt(label) for label in _texts(camera.get("labels", ["person"]))]
        for loc, label in _spoken_of(camera):
            if spelt(label) not in labels:
                help = _meant(spelt(label), labels) or f"it looks for: {', '.join(labels)}"
                at_key = loc[-2] == "filter"
                found.append(
                    Finding(("camera", i, *loc), f"this camera does not look for `{label}`", help, on_key=at_key)
                )
    return found


def missing_files(data: dict[str, Any]) -> list[Finding]:
    """Files that the configuration names and that cannot be read, as far as this user and machine can tell."""
    found = []
    for loc, value in leaves(data):
        named = path_in(loc, value)
        if named is None:
            continue
        path = Path(named[1])
        if loc == ("node", "data"):
            problem = no_folder(path)
        elif loc in WRITTEN:
            continue
        else:
            problem = unreadable(path)
        if problem:
            found.append(Finding(loc, f"no file {path}" if problem == GONE else f"{path} {problem}"))
    return found


def _names(data: dict[str, Any]) -> Iterator[tuple[Loc, str, str]]:
    for i, camera in _tables(data.get("camera")):
        if isinstance(name := camera.get("name"), str):
            yield ("camera", i, "name"), "camera", name
    for i, camera in _tables(data.get("camera")):
        for j, zone in _tables(camera.get("zone")):
            if isinstance(name := zone.get("name"), str):
                yield ("camera", i, "zone", j, "name"), "zone", name
    for i, camera in _tables(data.get("camera")):
        for j, line in _tables(camera.get("line")):
            if isinstance(name := line.get("name"), str):
                yield ("camera", i, "line", j, "name"), "line", name


def _spoken_of(camera: dict[str, Any]) -> Iterator[tuple[Loc, str]]:
    """Every label that the zones, lines and filters of a camera name, and where."""
    tables: list[tuple[Loc, dict[str, Any]]] = [((), camera)]
    tables += [(("zone", j), zone) for j, zone in _tables(camera.get("zone"))]
    lines: list[tuple[Loc, dict[str, Any]]] = [(("line", j), line) for j, line in _tables(camera.get("line"))]
    for loc, table in tables[1:] + lines:
        yield from (((*loc, "labels", k), label) for k, label in enumerate(_texts(table.get("labels"))))
    for loc, table in tables:
        filters = table.get("filter")
        if isinstance(filters, dict):
            yield from (((*loc, "filter", label), label) for label in filters)


def _meant(name: str, names: list[str]) -> str | None:
    near = difflib.get_close_matches(name, names, 1)
    return f"did you mean `{near[0]}`?" if near else None


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _tables(value: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    if isinstance(value, list):
        yield from ((i, table) for i, table in enumerate(value) if isinstance(table, dict))
