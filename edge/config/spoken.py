"""Keys of a configuration in the words of somebody who looks at a page and not at the file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_PART = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_UNIT = re.compile(r"_(?:s|ms|mb|gb|days|hours)$")


def spoken(key: str, data: Mapping[str, Any]) -> str:
    """Where a key is: `camera[1].zone[0].name` is `Camera hall, zone path, name`.

    Args:
        key: as `diagnose.dotted` writes it
        data: the tables of the file, of any quality; a table without a name is counted, from 1
    """
    at: Any = data
    words: list[str] = []
    for name, index in _PART.findall(key):
        if name:
            at = at.get(name) if isinstance(at, dict) else None
            words.append(_UNIT.sub("", name).replace("_", " "))
        elif words:
            at = at[int(index)] if isinstance(at, list) and int(index) < len(at) else None
            called = at.get("name") if isinstance(at, dict) else None
            words[-1] += f" {called if isinstance(called, str) and called else int(index) + 1}"
    said = ", ".join(words)
    return said[:1].upper() + said[1:]
