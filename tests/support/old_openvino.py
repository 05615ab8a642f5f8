"""Interpreters with an old OpenVINO in them, made once and kept in the user's cache."""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.venvs import environment

STICK = "2021.4.2"
RELEASES = {STICK: ("3.9", "3.8", "3.7", "3.6"), "2022.3.0": ("3.9", "3.10", "3.8", "3.7")}
"""Releases on PyPI, and the releases of Python for which they have wheels. The later one lacks the stick's plug-in."""
USB = Path("/sys/bus/usb/devices")
MOVIDIUS = "03e7"
"""Intel Movidius's USB vendor number."""


@functools.cache
def python_with_openvino(release: str = STICK, version: str | None = None) -> Path:
    """The interpreter of an environment that has a release of OpenVINO; skips the test where none can be had.

    Args:
        version: of Python, e.g. `3.6`; else the newest that is here and has the release.
    """
    if platform.machine() != "x86_64":
        pytest.skip(f"openvino {release} has no wheels for {platform.machine()}")
    wanted = (version,) if version else RELEASES[release]
    here = next(((v, found) for v in wanted if (found := interpreter(v))), None)
    if here is None:
        pytest.skip(f"no Python {' or '.join(wanted)} is installed, which openvino {release} wants")
    # The pip that comes with Python 3.6 knows neither today's names of Linux wheels nor which pip is the last for it.
    newer_pip = [("--upgrade", "pip<22")] if here[0] == "3.6" else []
    return environment(f"openvino-{release}", *newer_pip, (f"openvino=={release}",), python=here[1]) / "bin" / "python"


def interpreter(version: str) -> str | None:
    """A Python of this version that runs: on PATH, or one that pyenv has."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates = [shutil.which(f"python{version}"), *pyenv.glob(f"versions/{version}.*/bin/python")]
    for candidate in candidates:
        # One of pyenv's stand-ins is there for versions, too, that are not switched on.
        if candidate and subprocess.run([candidate, "-c", "import venv"], capture_output=True).returncode == 0:
            return str(candidate)
    return None


def has_plug_in() -> bool:
    """Whether what the stick's plug-in wants of the system is there."""
    try:
        ctypes.CDLL("libusb-1.0.so.0")
    except OSError:
        return False
    return True


def needs_plug_in() -> None:
    """Skip where the stick's plug-in cannot be loaded."""
    if not has_plug_in():
        pytest.skip("the MYRIAD plug-in wants libusb: apt install libusb-1.0-0")


def needs_no_stick() -> None:
    """Skip where a stick is plugged in: nothing is missing there."""
    if any(path.read_text().strip() == MOVIDIUS for path in USB.glob("*/idVendor")):
        pytest.skip("a Movidius stick is plugged in")
