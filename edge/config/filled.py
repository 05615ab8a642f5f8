"""Which values had secrets filled in, so that no report tells one: "did you mean" quotes what it mends."""

from __future__ import annotations

import re
from dataclasses import replace

from edge.config.diagnose import Finding
from edge.config.places import Loc
from edge.config.secrets import REFERENCE, find_secret

QUOTED = 4
"""Characters in a row that a report may have in common with a secret that is filled in where it points."""


class Filled:
    """The places of a configuration that had secrets filled in."""

    def __init__(self) -> None:
        self._at: dict[Loc, list[str]] = {}

    def add(self, loc: Loc, text: str) -> None:
        """A text whose references are filled in. Raises UnknownSecret."""
        if found := [find_secret(match[2]) for match in REFERENCE.finditer(text) if not match[1]]:
            self._at[loc] = found

    def silenced(self, finding: Finding) -> Finding:
        """A finding without what it would tell of a secret."""
        said = _plain(f"{finding.message} {finding.help or ''}")
        here = [_plain(secret) for secret in self._at.get(finding.loc, [])]
        parts = {secret[i : i + QUOTED] for secret in here for i in range(max(1, len(secret) - QUOTED + 1))}
        whole = {_plain(secret) for found in self._at.values() for secret in found}
        if any(part and part in said for part in parts | {secret for secret in whole if len(secret) >= QUOTED}):
            return replace(finding, message="what the secret holds cannot be used here", help=None)
        return finding


def _plain(text: str) -> str:
    """As a message may quote it: small letters, and one sign for all else."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
