"""What an extra installs comes as wheels for aarch64: nobody compiles on a board."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
SYSTEMS = {"3.10": (35, "Ubuntu 22.04, as JetPack 6 has it"), "3.11": (36, "Debian 12"), "3.13": (41, "Debian 13")}
"""Python's version, the newest glibc 2.x that goes with it, and where."""
LEFT_OUT = {
    "carracing": "teaches and judges on a workstation; its Box2D has no wheel for aarch64",
    "dev": "is for those who change this project",
    "pycuda": "is compiled against the board's own CUDA: docs/how-to/install.md says so",
    "train": "trains, which no board does; torch and its gigabytes are looked up without what they need",
}
EXTRAS = ["onnx", "tflite", "openvino", "web", "sign", "steer", "tools"]


def wanted(*extras: str) -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    every = project["optional-dependencies"]
    return [*project["dependencies"], *(one for extra in extras for one in every[extra])]


def resolved(python: str, report: Path, *arguments: str, glibc: int | None = None) -> subprocess.CompletedProcess[str]:
    """What pip would install on a board; nothing is. glibc: the system's 2.x, if not the one of `SYSTEMS`."""
    newest = SYSTEMS[python][0] if glibc is None else glibc
    tags = [f"manylinux_2_{minor}_aarch64" for minor in range(newest, 16, -1)]
    platforms = [word for tag in (*tags, "manylinux2014_aarch64") for word in ("--platform", tag)]
    quiet = ["--quiet", "--dry-run", "--disable-pip-version-check", "--ignore-installed"]
    wheels = ["--only-binary", ":all:", "--python-version", python, *platforms]
    told = ["--target", str(report.parent / "none"), "--report", str(report)]
    return subprocess.run(
        [sys.executable, "-m", "pip", "install", *quiet, *wheels, *told, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_every_extra_is_looked_up_or_left_out_for_a_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {*EXTRAS, *LEFT_OUT} == set(project["optional-dependencies"])
    assert "pycuda" in (ROOT / "docs" / "how-to" / "install.md").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("python", SYSTEMS)
def test_every_extra_installs_on_a_board_without_a_compiler(python: str, tmp_path: Path) -> None:
    done = resolved(python, tmp_path / "report.json", *wanted(*EXTRAS))
    if "Could not fetch URL" in done.stderr or "Connection" in done.stderr:
        pytest.skip(f"no package index is reached: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["install"]
    names = {one["metadata"]["name"].lower().replace("_", "-") for one in found}
    assert {"numpy", "onnxruntime", "ai-edge-litert", "openvino", "opencv-python-headless"} <= names
    assert all(one["download_info"]["url"].endswith(".whl") for one in found)
    torch = resolved(python, tmp_path / "torch.json", "--no-deps", *wanted("train")[-1:])
    assert torch.returncode == 0, torch.stderr


@pytest.mark.slow
def test_what_runs_on_the_first_jetson_nano_installs_with_a_python_beside_its_own(tmp_path: Path) -> None:
    done = resolved("3.11", tmp_path / "report.json", *wanted("tflite", "onnx", "web"), glibc=27)  # Ubuntu 18.04
    if "Could not fetch URL" in done.stderr or "Connection" in done.stderr:
        pytest.skip(f"no package index is reached: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
