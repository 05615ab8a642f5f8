"""Whether model, engine and labels of a configuration fit together, as findings at their lines."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from edge.config.checks import path_in
from edge.config.diagnose import Finding
from edge.config.places import Loc
from edge.config.schema import DEFAULT_MODELS
from edge.engines import registry
from edge.engines.base import EngineOptions
from edge.errors import MissingError, ModelError, UserError
from edge.labels import MOTION
from edge.models import catalogue, store
from edge.models.manifest import Manifest
from edge.models.slots import installed_packed
from edge.opening import CAMERA_TASKS, PEOPLE_DECODERS, head_for
from edge.paths import is_file, unreadable
from edge.pose.people import LABEL
from edge.predictor import plain


def check_model(data: dict[str, Any]) -> list[Finding]:
    """Findings about `model` and about labels that it does not know; for tables of any quality.

    A known model that is yet to be fetched and an engine that is yet to be installed are no mistakes of the file, and
    a model that no camera asks for is not looked at closely: it is never loaded.
    """
    table = data.get("model", {})
    if not isinstance(table, dict):
        return []
    engine = table.get("engine", "auto")
    findings = list(engine_findings("model", engine))
    given, manifest = table.get("name", list(DEFAULT_MODELS)), table.get("manifest")
    names = given if isinstance(given, list) else [given]
    if not names or not all(isinstance(name, str) for name in names) or not isinstance(manifest, str | None):
        return findings
    known: list[str] = []
    for i, name in enumerate(names):
        loc: Loc = ("model", "name", i) if isinstance(given, list) and "name" in table else ("model", "name")
        described, suffix, said = _described(name, manifest if i == 0 else None, loc)
        findings += said
        if described is None:
            return findings
        if not findings and _wanted(data):
            findings += _head(described, loc)
            findings += engine_fit("model", described, suffix, engine if i == 0 else "auto", data)
        known += [LABEL] if described.decoder in PEOPLE_DECODERS else map(plain, described.labels)
    return [*findings, *_labels(data, names, known)]


def _described(name: str, manifest: str | None, loc: Loc) -> tuple[Manifest | None, str, list[Finding]]:
    """What a model is, and its file's suffix; None where that cannot be told, with the mistake where it is one."""
    if any(path and unreadable(Path(path)) for path in (manifest, path_in(("model", "name"), name) and name)):
        return None, "", []  # told already as a missing file
    entry = catalogue.by_name(name)
    try:
        found = store.find(name, Path(manifest) if manifest else None)
    except MissingError:
        return (None, "", []) if entry is None else (entry.manifest, entry.suffix, [])
    except ModelError as fault:
        here = [*store.installed(), *installed_packed()]
        known = entry is not None or name in here or is_file(Path(name))
        names = [*here, *(entry.manifest.name for entry in catalogue.entries())]
        return None, "", [Finding(loc, str(fault), None if known else _near(name, names))]
    return found.manifest, found.suffix, []


def _wanted(data: dict[str, Any]) -> bool:
    """Whether a camera that is watched looks for more than motion."""
    cameras = data.get("camera")
    tables = [camera for camera in cameras if isinstance(camera, dict)] if isinstance(cameras, list) else []
    labels = [camera.get("labels", ["person"]) for camera in tables if camera.get("enabled", True)]
    return any(label != MOTION for named in labels if isinstance(named, list) for label in named)


def _options(data: dict[str, Any]) -> EngineOptions:
    """What the tables set of back ends that want something set."""

    def text(*keys: str) -> str:
        table: Any = data.get("engine")
        for key in keys:
            table = table.get(key) if isinstance(table, dict) else None
        return table if isinstance(table, str) else ""

    python = text("movidius", "python")
    return EngineOptions(server=text("kserve", "url"), python=Path(python) if python else None)


def _head(manifest: Manifest, loc: Loc) -> Iterable[Finding]:
    """Whether a model is one for cameras."""
    try:
        head_for(manifest, CAMERA_TASKS)
    except ModelError as fault:
        yield Finding(loc, str(fault))


def engine_fit(table: str, manifest: Manifest, suffix: str, engine: Any, data: dict[str, Any]) -> Iterable[Finding]:
    """What would keep the model of `[table]` from being loaded on its engine, however much is installed."""
    if not isinstance(engine, str) and not (isinstance(engine, list) and all(isinstance(one, str) for one in engine)):
        return
    try:
        registry.choose(engine, suffix, manifest.engines, _options(data))
    except MissingError as fault:
        wanted = [engine] if isinstance(engine, str) else engine
        if all(name in registry.TABLE and not registry.TABLE[name].packages for name in wanted):
            yield Finding((table, "engine"), str(fault))  # nothing that is installed mends this
    except UserError as fault:
        yield Finding((table, "engine"), str(fault))


def engine_findings(table: str, given: Any) -> Iterable[Finding]:
    """Names of engines that are none, in `[table]`."""
    many = isinstance(given, list)
    known = list(registry.TABLE) if many and len(given) > 1 else ["auto", *registry.TABLE]
    for i, name in enumerate(given if many else [given]):
        loc = (table, "engine", i) if many else (table, "engine")
        if isinstance(name, str) and name not in known:
            said = "`auto` stands alone, not in a list" if name == "auto" else f"no engine `{name}`"
            yield Finding(loc, said, _near(name, known))


def _labels(data: dict[str, Any], models: Sequence[str], known: Sequence[str]) -> Iterable[Finding]:
    cameras = data.get("camera")
    for i, camera in enumerate(cameras if isinstance(cameras, list) else []):
        labels = camera.get("labels") if isinstance(camera, dict) else None
        for j, label in enumerate(labels if isinstance(labels, list) else []):
            if isinstance(label, str) and label.strip() and plain(label.strip()) not in (*known, MOTION) and known:
                loc = ("camera", i, "labels", j)
                yield Finding(
                    loc,
                    f"the model {models[0]} knows no `{label}`{_neither(models[1:])}",
                    _other(plain(label.strip()), known),
                )


def _neither(models: Sequence[str]) -> str:
    return f", {' and '.join(models)} neither" if models else ""


def _other(label: str, known: Sequence[str]) -> str:
    """What to write instead of a label that the model does not know, or the models that do know it."""
    near = difflib.get_close_matches(label, known, 1)
    models = [
        entry.manifest.name
        for entry in sorted(catalogue.entries(), key=lambda entry: entry.wheel is None)  # first what can be pulled
        if entry.manifest.task in CAMERA_TASKS and label in {plain(each) for each in entry.manifest.labels}
    ]
    if near or not models:
        return _near(label, known)
    return f"these models know it: {', '.join(models)}; set `name` in `[model]`, see `edge models list`"


def _near(name: str, names: Iterable[str]) -> str:
    choices = list(names)
    near = difflib.get_close_matches(name, choices, 1)
    return (
        f"did you mean `{near[0]}`?" if near else "there are " + ", ".join([*choices[:8], *["..."][: len(choices) > 8]])
    )
