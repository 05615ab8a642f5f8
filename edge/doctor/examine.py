"""All looks, one after another."""

from __future__ import annotations

from pathlib import Path

from edge.config.diagnose import ConfigFindings
from edge.doctor import configuration, machine, parts
from edge.doctor.verdict import Verdict
from edge.errors import UserError


def examine(path: Path | None) -> list[Verdict]:
    """Look at everything: the machine first, then what the configuration needs of it. Takes seconds where a server does
    not answer; changes nothing.

    Args:
        path: the configuration; None stands for the usual places
    """
    looks = machine.look()
    try:
        config = configuration(path)
    except ConfigFindings as fault:
        first = fault.findings[0]
        more = f", and {len(fault.findings) - 1} more" if len(fault.findings) > 1 else ""
        found = f"{first.file}:{first.line}: {first.key}: {first.message}{more}"
        return [*looks, Verdict("config", "fail", found, "`edge check` shows each error at its line")]
    except UserError as fault:
        return [*looks, Verdict("config", "fail" if path else "warn", str(fault))]
    cameras = ", ".join(camera.name for camera in config.camera)
    return [*looks, Verdict("config", "ok", f"valid; cameras: {cameras}"), *parts.look(config)]
