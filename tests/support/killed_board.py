"""`edge board apply` and `revert`, killed at each of their steps: `python -m tests.support.killed_board FOLDER`.

Prints a JSON line a step: which command was killed, whether another apply then leads to what an apply that was never
killed leads to, and whether a revert leads back to the beginning.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.errors import UserError
from edge.firmware.apply import apply, revert
from edge.firmware.board import board
from tests.support.boards import snapshot, system

STEPS = ("replace", "symlink", "unlink", "rmdir")
"""Calls to the system between which a power cut can leave another state."""


def main(folder: Path) -> None:
    """Kill either command at its first step, then at its second, and so on until it ends."""
    os.fsync = lambda handle: None  # a killed process loses nothing that the kernel has; the disk is not tried here
    pi = board("pi-4")
    root = folder / "root"
    fresh(root)
    before = snapshot(root)
    apply(pi, root)
    after = snapshot(root)
    for name in ("apply", "revert"):
        number, killed = 0, True
        while killed:
            ends = []
            for way in ("apply", "revert"):
                fresh(root)
                if name == "revert":
                    apply(pi, root)
                    killed = killed_at(number, lambda: revert(root))
                else:
                    killed = killed_at(number, lambda: apply(pi, root))
                ends.append(finished(way, root))
            row = {"killed": name, "at": number, "applied": ends[0] == after, "reverted": ends[1] == before}
            print(json.dumps(row), flush=True)
            number += 1


def fresh(root: Path) -> None:
    shutil.rmtree(root, ignore_errors=True)
    system(root)


def finished(way: str, root: Path) -> dict[str, Any]:
    try:
        if way == "apply":
            apply(board("pi-4"), root)
        else:
            revert(root)
    except UserError:  # nothing is applied: killed before the first change, or after the last
        shutil.rmtree(root / "var/lib/edge-board", ignore_errors=True)
    return snapshot(root)


def killed_at(number: int, work: Callable[[], object]) -> bool:
    """Work in a child that is killed before its step of this number; whether there was one."""
    child = os.fork()
    if child == 0:
        seen = 0

        def stepped(call: Callable[..., Any]) -> Callable[..., Any]:
            def step(*arguments: Any, **named: Any) -> Any:
                nonlocal seen
                seen += 1
                if seen > number:
                    os.kill(os.getpid(), signal.SIGKILL)
                return call(*arguments, **named)

            return step

        for name in STEPS:
            setattr(os, name, stepped(getattr(os, name)))
        work()
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
