"""Environments for real programs that tests run beside themselves, made once and kept in the user's cache."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edge" / "tests"
"""Taken when tests are collected, before a fixture gives a test a cache of its own."""


@cache
def environment(name: str, *steps: tuple[str, ...]) -> Path:
    """The folder of a virtual environment with this interpreter, in which each step was given to `pip install`.

    Skips the test, with pip's reason, where it cannot be made. Test processes that want it at once wait for one.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = CACHE / f"{name}-{version}-{hashlib.sha256(repr(steps).encode()).hexdigest()[:8]}"
    done = folder / "complete"
    CACHE.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.is_file():
            shutil.rmtree(folder, ignore_errors=True)
            _step(name, [sys.executable, "-m", "venv", str(folder)])
            for step in steps:
                _step(name, [str(folder / "bin/python"), "-m", "pip", "install", "-q", "--only-binary", ":all:", *step])
            done.touch()
    return folder


def packages(folder: Path) -> Path:
    """The environment's site-packages."""
    return next((folder / "lib").glob("python3*/site-packages"))


def _step(name: str, command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=400)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{name} could not be installed within 400 s")
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if not line.startswith(("WARNING", "[notice]"))]
        pytest.skip(f"{name} could not be installed: {' '.join(said[-2:]) or done.returncode}")
