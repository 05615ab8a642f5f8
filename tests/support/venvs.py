"""What tests run beside themselves from a package index, made once and kept in the user's cache.

Test processes that want the same thing at once wait for the one that makes it. What cannot be had skips the test, with
pip's reason.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edge-tests"
"""Taken when tests are collected, before a fixture gives a test a cache of its own."""
LONGEST_S = 600
PIP = ("-m", "pip", "install", "-q", "--disable-pip-version-check", "--retries", "1", "--only-binary", ":all:")


@cache
def environment(name: str, *steps: tuple[str, ...], python: str = sys.executable) -> Path:
    """The folder of a virtual environment of an interpreter, in which each step was given to `pip install`."""

    def make(folder: Path) -> None:
        _run(name, [python, "-m", "venv", str(folder)])
        for step in steps:
            _run(name, [str(folder / "bin" / "python"), *PIP, *step])

    return _once(f"{name}-{_digest(python, *steps)}", make)


@cache
def unpacked(name: str, *packages: str) -> Path:
    """A folder with packages alone, for no environment in particular."""

    def make(folder: Path) -> None:
        _run(name, [sys.executable, *PIP, "--no-deps", "--target", str(folder), *packages])

    return _once(f"{name.replace(' ', '-')}-{_digest(sys.executable, packages)}", make)


def packages(folder: Path) -> Path:
    """The environment's site-packages."""
    return next((folder / "lib").glob("python3*/site-packages"))


def _digest(python: str, *what: Sequence[str]) -> str:
    return hashlib.sha256(repr((python, what)).encode()).hexdigest()[:8]


def _once(name: str, make: Callable[[Path], None]) -> Path:
    folder = CACHE / name
    done = folder / "complete"
    CACHE.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.is_file():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            done.touch()
    return folder


def _run(name: str, command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{name} could not be installed within {LONGEST_S} s")
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if not line.startswith(("WARNING", "[notice]"))]
        pytest.skip(f"{name} could not be installed: {' '.join(said[-2:]) or done.returncode}")
