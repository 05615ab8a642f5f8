"""The real Python bindings of four releases of TensorRT, about a megabyte each, for what their classes look like."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.support.gpu import compiled

RELEASES = {
    "8.6.1": "tensorrt-bindings==8.6.1",
    "10.3.0": "tensorrt-cu12-bindings==10.3.0",
    "10.16.1.11": "tensorrt-cu12-bindings==10.16.1.11",
    "11.4.0.106": "tensorrt-cu12-bindings==11.4.0.106",
}
"""JetPack 6.0 has 8.6, JetPack 6.1 and 6.2 have 10.3, and JetPack 7 what came later."""
LIBRARIES = ("nvinfer", "nvonnxparser", "nvinfer_plugin", "nvparsers")
HERE = Path(__file__).parent


def bindings(release: str) -> dict[str, Any]:
    """What a release offers, as `tensorrt_dump` tells it; skips the test where its wheel cannot be had."""
    wheel = _fetched(release)
    if isinstance(wheel, str):
        pytest.skip(f"the bindings of TensorRT {release} cannot be had here: {wheel}")
    return _dumped(release, wheel)


@cache
def _dumped(release: str, wheel: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        major = release.split(".", maxsplit=1)[0]
        for name in LIBRARIES:
            file = f"lib{name}.so.{major}"
            compiled(Path(scratch) / file, HERE / "tensorrt_stub.c", f"-Wl,-soname,{file}")
        done = subprocess.run(
            [sys.executable, HERE / "tensorrt_dump.py", wheel],
            env={**os.environ, "LD_LIBRARY_PATH": scratch},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@cache
def _fetched(release: str) -> Path | str:
    """The folder into which pip put the wheel, in the user's cache, or why not; one process at a time fetches."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edge-tests" / "tensorrt"
    folder = home / f"{release}-{sys.implementation.cache_tag}"
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            draft = home / f"{folder.name}.part"
            shutil.rmtree(draft, ignore_errors=True)
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
            limits = ["--only-binary", ":all:", "--timeout", "15", "--retries", "1", "--target", draft]
            done = subprocess.run([*pip, *limits, RELEASES[release]], capture_output=True, text=True, check=False)
            if done.returncode:
                return (done.stderr.strip().splitlines() or ["pip says nothing of why"])[-1]
            draft.replace(folder)
    return folder
