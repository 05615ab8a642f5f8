"""`edge engines` and `edge doctor` tell the truth on machines with none, one, or all of the engines' packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "onnxruntime": ("onnxruntime",),
    "tflite": ("ai_edge_litert", "tflite_runtime"),
    "openvino": ("openvino",),
    "reference": ("onnx",),
}
"""Engines that come as packages, and the names that those have in site-packages."""

Run = Callable[..., Any]


@pytest.fixture
def machine(tmp_path: Path) -> Callable[[Collection[str]], Run]:
    """A machine with the packages of some engines only: site-packages as here without those of the others."""

    def make(engines: Collection[str]) -> Run:
        gone = {name for engine, names in PACKAGES.items() if engine not in engines for name in names}
        site = tmp_path / "site"
        site.mkdir()
        for entry in Path(sysconfig.get_path("purelib")).iterdir():
            if entry.name.partition("-")[0] not in gone:
                (site / entry.name).symlink_to(entry)

        def run(*arguments: str) -> Any:
            done = subprocess.run(
                [sys.executable, "-S", "-m", "edge", *arguments],
                capture_output=True,
                text=True,
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": f"{ROOT}:{site}", "EDGE_CACHE": str(tmp_path / "cache")},
            )
            assert "Traceback" not in done.stderr
            return json.loads(done.stdout)

        return run

    return make


@pytest.mark.parametrize("engines", [(), ("tflite",), ("onnxruntime",), ("openvino",), tuple(PACKAGES)])
def test_what_is_here_is_listed_with_its_devices_and_what_is_not_with_its_install(
    engines: tuple[str, ...], machine: Callable[[Collection[str]], Run]
) -> None:
    run = machine(engines)
    for row in run("engines", "--json"):
        if row["name"] not in PACKAGES:
            continue
        if row["name"] in engines:
            assert (row["available"], row["reason"]) == (True, None)
            assert row["version"]
            assert "CPU" in row["devices"]
        else:
            assert (row["available"], row["version"], row["devices"]) == (False, None, [])
            assert "is not installed" in row["reason"]
            assert row["install"].startswith("pip install 'edge-runtime[")
    (found,) = [check for check in run("doctor", "--json")["checks"] if check["name"] == "engines"]
    usable = [name for name in engines if name != "reference"]
    assert found["grade"] == ("ok" if usable else "warn")
    assert all(name in found["found"] for name in usable)
    assert not any(name in found["found"] for name in PACKAGES if name not in engines)
