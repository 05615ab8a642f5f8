"""Other programs that fetch for us, apt and pip: watched while they run, and never left behind."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

POLL_S = 0.1


def run_watched(
    command: Sequence[str],
    tick: Callable[[], None],
    *,
    output: IO[str],
    errors: IO[str],
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> int:
    """Run a program to its end and return its exit code.

    Args:
        command: the program and its arguments; it gets nothing on stdin.
        tick: called a few times a second meanwhile. If it raises, or Ctrl-C comes, the program is killed.
        output, errors: files that take what it prints; may be one and the same.
        folder: where it runs, by default here.
        environment: instead of ours.
    """
    program = subprocess.Popen(  # noqa: S603 - our own arguments
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=errors
    )
    try:
        while not _ended(program):
            tick()
    finally:
        program.kill()
        program.wait()
    return program.returncode


def _ended(program: subprocess.Popen[bytes]) -> bool:
    try:
        program.wait(POLL_S)
    except subprocess.TimeoutExpired:
        return False
    return True
