"""The real Python bindings of four releases of TensorRT, about a megabyte each, for what their classes look like."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.gpu import compiled
from tests.support.venvs import unpacked

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
    return _dumped(release, unpacked(f"the bindings of TensorRT {release}", RELEASES[release]))


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
