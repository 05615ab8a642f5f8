"""What `[email]` alone cannot tell: whether there is what a recipient wants to hear of."""

from __future__ import annotations

import difflib
from typing import Any

from edge.config.checks import leaves
from edge.config.diagnose import Finding


def strangers(data: dict[str, Any]) -> list[Finding]:
    """Cameras and zones of a recipient that there are not: nothing of them would ever be mailed."""
    known: dict[str, list[str]] = {"cameras": [], "zones": []}
    wanted = []
    for loc, value in leaves(data):
        if not isinstance(value, str):
            continue
        match loc:
            case ("camera", int(), "name"):
                known["cameras"].append(value)
            case ("camera", int(), "zone", int(), "name"):
                known["zones"].append(value)
            case ("email", "recipient", int(), "cameras" | "zones" as key, int()):
                wanted.append((loc, key, value))
    return [_finding(loc, key, name, known[key]) for loc, key, name in wanted if name not in known[key]]


def _finding(loc: tuple[str | int, ...], key: str, name: str, known: list[str]) -> Finding:
    near = difflib.get_close_matches(name, known, 1)
    return Finding(loc, f"there is no {key[:-1]} `{name}`", f"did you mean `{near[0]}`?" if near else None)
