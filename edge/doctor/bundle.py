"""One archive for a bug report: what the doctor found, the configuration without its secrets, the versions."""

from __future__ import annotations

import importlib.metadata
import io
import json
import platform
import tarfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edge import __version__
from edge.config.load import default_path
from edge.config.redact import redact
from edge.doctor.verdict import Verdict
from edge.errors import StorageError, UserError


def report(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """The findings as `edge doctor --json` prints them."""
    return {
        "version": __version__,
        "ok": all(verdict.grade != "fail" for verdict in verdicts),
        "checks": [asdict(verdict) for verdict in verdicts],
    }


def write_bundle(target: Path, config: Path | None, verdicts: Sequence[Verdict]) -> None:
    """Write a .tar.gz, readable by this user alone.

    Passwords, secrets and credentials in URLs are masked; addresses and names are not: people should look into it
    before they send it.

    Raises:
        StorageError: the file cannot be written.
    """
    files = {
        "doctor.json": json.dumps(report(verdicts), ensure_ascii=False, indent=2),
        "edge.toml": _configuration(config),
        "versions.txt": _versions(),
    }
    try:
        target.touch(mode=0o600)
        with tarfile.open(target, "w:gz") as archive:
            for name, text in files.items():
                entry = tarfile.TarInfo(f"edge-doctor/{name}")
                content = text.encode()
                entry.size, entry.mode = len(content), 0o600
                archive.addfile(entry, io.BytesIO(content))
    except OSError as fault:
        raise StorageError(f"cannot write {target}: {fault.strerror}") from None


def _configuration(path: Path | None) -> str:
    try:
        return redact((path or default_path()).read_text("utf-8", errors="replace"))
    except (UserError, OSError) as fault:
        return f"# none: {fault}\n"


def _versions() -> str:
    packages = {
        dist.metadata["Name"]: dist.version for dist in importlib.metadata.distributions() if dist.metadata["Name"]
    }
    head = [f"edge {__version__}", f"Python {platform.python_version()}", platform.platform()]
    return "\n".join([*head, "", *(f"{name} {packages[name]}" for name in sorted(packages, key=str.lower))]) + "\n"
