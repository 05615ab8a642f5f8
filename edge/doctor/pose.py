"""Whether the pose model of a configuration is one, as findings at its lines."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from edge import wiring
from edge.config.checks import path_in
from edge.config.diagnose import Finding
from edge.config.schema import Config
from edge.config.schema.pose import DEFAULT_POSE
from edge.doctor.model import engine_findings, engine_fit
from edge.doctor.verdict import Verdict
from edge.engines import registry
from edge.errors import EdgeError, MissingError, ModelError
from edge.judging import FILE, open_network
from edge.models import catalogue, store
from edge.models.slots import installed_packed
from edge.paths import is_file, unreadable
from edge.posers.open import TASKS, needed

LOC = ("pose", "model")
BEGINS = "blazepose-detector"
"""The decoder of a model that finds where people are: another one finds their joints there."""


def check_pose(data: dict[str, Any]) -> list[Finding]:
    """Findings about `pose`, where it is wanted; for tables of any quality. As for the detector, one that is yet to be
    fetched is no mistake of the file."""
    table = data.get("pose")
    if not isinstance(table, dict) or table.get("enabled") is not True:
        return []
    findings = [*engine_findings("pose", table.get("engine", "auto")), *_network(table.get("network"))]
    name = table.get("model", DEFAULT_POSE)
    if not isinstance(name, str) or (path_in(LOC, name) and unreadable(Path(name))):
        return findings  # told already, as a wrong type or a missing file
    entry = catalogue.by_name(name)
    try:
        found = store.find(name)
        manifest, suffix = found.manifest, found.suffix
    except MissingError:
        if entry is None:
            return findings
        manifest, suffix = entry.manifest, entry.suffix
    except ModelError as fault:
        here = [*store.installed(), *installed_packed()]
        known = entry is not None or name in here or is_file(Path(name))
        return [*findings, Finding(LOC, str(fault), None if known else _near(name, here))]
    if manifest.task not in TASKS or manifest.decoder == BEGINS:
        findings.append(Finding(LOC, f"the model {manifest.name} finds no joints", _near("", [])))
    elif not findings:
        findings += engine_fit("pose", manifest, suffix, table.get("engine", "auto"), data)
    return findings


def _network(path: Any) -> list[Finding]:
    """Findings about the file of the network that judges falls, where the user names one."""
    if not isinstance(path, str) or unreadable(Path(path)):
        return []  # told already
    try:
        open_network(Path(path)).close()
    except MissingError:
        return []  # no mistake of the file
    except ModelError as fault:
        return [Finding(("pose", "network"), str(fault), "`edge train-posture -o NAME.epk` writes one")]
    return []


def look(config: Config) -> Verdict | None:
    """Whether what finds joints could be loaded; None where no camera wants any."""
    pose = config.pose
    if not any(config.poses(camera) for camera in config.camera if camera.enabled):
        return None
    try:
        models = needed(pose.model)
    except EdgeError as fault:
        return Verdict("postures", "fail", str(fault), "see `edge models list`")
    options, left_out = wiring.engine_options(config.model, config.engine), list[str]()
    try:
        names = [
            registry.usable(pose.engine, model.suffix, model.manifest.engines, options, left_out.append)[0]
            for model in models
        ]
    except EdgeError as fault:
        return Verdict("postures", "fail", str(fault), "see `edge engines`")
    shown = f"{' and '.join(model.manifest.name for model in models)} on {', '.join(dict.fromkeys(names))}"
    if left_out:
        told = "; ".join(dict.fromkeys(left_out))
        return Verdict("postures", "warn", f"{shown}; {told}", "it serves as long as the others are away")
    if pose.judge != "rules":
        try:
            open_network(FILE if pose.network is None else Path(pose.network)).close()
        except EdgeError as fault:
            told = f"{shown}; falls are judged by rules alone: {fault}"
            return Verdict("postures", "warn", told, 'install what runs it, or set `pose.judge = "rules"`')
    return Verdict("postures", "ok", shown)


def _near(name: str, here: list[str]) -> str:
    manifests = (entry.manifest for entry in catalogue.entries())
    known = [each.name for each in manifests if each.task in TASKS and each.decoder != BEGINS]
    near = difflib.get_close_matches(name, [*here, *known], 1)
    return f"did you mean `{near[0]}`?" if near else f"pose models: {', '.join(known)}"
