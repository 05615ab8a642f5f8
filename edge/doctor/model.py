"""Whether model, engine and labels of a configuration fit together, as findings at their lines."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from edge.config.checks import path_in
from edge.config.diagnose import Finding
from edge.config.schema import DEFAULT_MODEL
from edge.detector import plain
from edge.engines import registry
from edge.errors import MissingError, ModelError
from edge.models import catalogue, store
from edge.rules import MOTION


def check_model(data: dict[str, Any]) -> list[Finding]:
    """Findings about `model` and about labels that it does not know; for tables of any quality.

    A known model that is yet to be fetched and an engine that is yet to be installed are no mistakes of the file.
    """
    table = data.get("model", {})
    if not isinstance(table, dict):
        return []
    findings = list(_engines(table.get("engine", "auto")))
    name, manifest = table.get("name", DEFAULT_MODEL), table.get("manifest")
    if not isinstance(name, str) or not isinstance(manifest, str | None):
        return findings
    if any(path and not Path(path).is_file() for path in (manifest, path_in(("model", "name"), name) and name)):
        return findings  # told already as a missing file
    entry = catalogue.by_name(name)
    try:
        known: Sequence[str] = store.find(name, Path(manifest) if manifest else None).manifest.labels
    except MissingError:
        known = entry.manifest.labels if entry else ()
    except ModelError as fault:
        names = [entry.manifest.name for entry in catalogue.entries()]
        return [*findings, Finding(("model", "name"), str(fault), _near(name, names))]
    return [*findings, *_labels(data, name, [plain(label) for label in known])]


def _engines(given: Any) -> Iterable[Finding]:
    many = isinstance(given, list)
    for i, name in enumerate(given if many else [given]):
        loc = ("model", "engine", i) if many else ("model", "engine")
        if not isinstance(name, str) or name == "auto":
            continue
        row = registry.TABLE.get(name)
        if row is None:
            yield Finding(loc, f"no engine `{name}`", _near(name, ["auto", *registry.TABLE]))
        elif row.module is None:
            yield Finding(loc, f"the engine `{name}` {registry.LATER}")


def _labels(data: dict[str, Any], model: str, known: Sequence[str]) -> Iterable[Finding]:
    cameras = data.get("camera")
    for i, camera in enumerate(cameras if isinstance(cameras, list) else []):
        labels = camera.get("labels") if isinstance(camera, dict) else None
        for j, label in enumerate(labels if isinstance(labels, list) else []):
            if isinstance(label, str) and label.strip() and plain(label.strip()) not in (*known, MOTION) and known:
                loc = ("camera", i, "labels", j)
                yield Finding(loc, f"the model {model} knows no `{label}`", _near(plain(label), known))


def _near(name: str, names: Iterable[str]) -> str:
    choices = list(names)
    near = difflib.get_close_matches(name, choices, 1)
    return (
        f"did you mean `{near[0]}`?" if near else "there are " + ", ".join([*choices[:8], *["..."][: len(choices) > 8]])
    )
