"""Print what a release of TensorRT's bindings offers, as JSON. A program of its own: each release wants a process.

    python tensorrt_dump.py FOLDER_OF_THE_WHEEL

Every class with its members: the values of an enumeration, properties, and methods with the arguments that pybind11
writes into their docstrings, by overload: [name, type, whether it may be left out].
"""

from __future__ import annotations

import json
import re
import sys
from types import ModuleType
from typing import Any

OPENING, CLOSING = "([{<", ")]}>"


def arguments(text: str, home: str) -> list[list[Any]]:
    """Split `self: X, name: str, shape: tuple = (1, 2)` at its outer commas."""
    parts, depth, start = [], 0, 0
    for at, letter in enumerate(text):
        depth += (letter in OPENING) - (letter in CLOSING)
        if letter == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    parts.append(text[start:])
    found = []
    for part in filter(None, (part.strip() for part in parts)):
        name, _, rest = part.partition(":")
        kind, default, _ = rest.partition(" = ")
        found.append([name.strip(), kind.replace(home, "").strip(), bool(default)])
    return found


def overloads(name: str, function: Any, home: str) -> list[list[list[Any]]]:
    """The arguments of each overload, `self` aside."""
    found = []
    for line in (function.__doc__ or "").splitlines():
        matched = re.match(rf"\s*(?:\d+\. )?{re.escape(name)}\((.*)\) -> ", line)
        if matched and matched.group(1) != "*args, **kwargs":
            given = arguments(matched.group(1), home)
            found.append([a for a in given if a[0] != "self"])
    return found


def members(kind: type, home: str) -> dict[str, Any]:
    """Public members of a class, and its constructor."""
    values = getattr(kind, "__members__", {})
    found: dict[str, Any] = {name: int(value) for name, value in values.items()}
    for name in dir(kind):
        member = getattr(kind, name)
        if name in found or (name.startswith("_") and name != "__init__"):
            continue
        if isinstance(member, property):
            found[name] = "property"
        elif callable(member):
            found[name] = overloads(name, member, home)
    return found


def dump(module: ModuleType) -> dict[str, Any]:
    """The whole module."""
    home = f"{module.__name__}.tensorrt."
    public = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    return {
        "version": module.__version__,
        "classes": {n: members(v, home) for n, v in public.items() if isinstance(v, type)},
        "functions": {n: overloads(n, v, home) for n, v in public.items() if callable(v) and not isinstance(v, type)},
    }


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    import tensorrt_bindings

    json.dump(dump(tensorrt_bindings), sys.stdout)
