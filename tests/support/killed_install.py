"""Installs that are killed at each of their steps: `python -m tests.support.killed_install FOLDER OLD.epk NEW.epk`.

Prints a JSON line a step: its name, the version that is found afterwards, the one after another install, and what is
left in the folder then.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path

from edge.errors import ModelError
from edge.models.install import install
from edge.models.store import find


def main(folder: Path, old: Path, new: Path) -> None:
    """Kill the install at its first step, then at its second, and so on until it ends."""
    os.environ["EDGE_CACHE"] = str(folder)
    ended = False
    number = 0
    while not ended:
        shutil.rmtree(folder, ignore_errors=True)
        if old.exists():
            install(old.read_bytes(), old, lambda model: None)
        at, killed = killed_at(number, new)
        ended = not killed
        row = {"at": at, "killed": killed, "found": found()}
        install(new.read_bytes(), new, lambda model: None)
        print(json.dumps(row | {"after": found(), "left": left(folder)}), flush=True)
        number += 1


def killed_at(number: int, new: Path) -> tuple[str, bool]:
    """Install in a child that is killed before its step of this number; that step, and whether there was one."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        seen = 0

        def step(what: str) -> None:
            nonlocal seen
            seen += 1
            if seen > number:
                os.write(writer, what.encode())
                os.kill(os.getpid(), signal.SIGKILL)

        install(new.read_bytes(), new, lambda model: None, step=step)
        os._exit(0)
    os.close(writer)
    killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
    at = os.read(reader, 200).decode() or "the end"
    os.close(reader)
    return at, killed


def found() -> int:
    """The version that is found by name; 0 if none is."""
    try:
        packed = find("grid").packed
    except ModelError:
        return 0
    return packed.origin.version if packed else 0


def left(folder: Path) -> list[str]:
    """What lies in the folder."""
    return sorted(path.name for path in (folder / "models").iterdir())


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
