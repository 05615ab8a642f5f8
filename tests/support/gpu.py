"""A fake GPU: CUDA's runtime library made of malloc and memcpy, built with the machine's C compiler."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("fake_cudart.c")
NAME = "libcudart.so.12"


class FakeGpu:
    """One built library, in a folder that CUDA_HOME may name; with what a test may ask of it."""

    def __init__(self, library: Path) -> None:
        self.home = library.parent.parent
        self.library = ctypes.CDLL(str(library))
        self.library.fake_is_device.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
        self.library.cudaLaunchHostFunc.argtypes = (ctypes.c_void_p,) * 3

    def set(self, name: str, value: int) -> None:
        """Set one of the library's `fake_` variables."""
        kind = ctypes.c_size_t if name == "room_left" else ctypes.c_int
        kind.in_dll(self.library, f"fake_{name}").value = value

    def get(self, name: str) -> int:
        """Read one of the library's `fake_` variables."""
        return ctypes.c_int.in_dll(self.library, f"fake_{name}").value

    @property
    def held(self) -> dict[str, int]:
        """What is allocated now, by kind."""
        return {
            "device": self.library.fake_live_device(),
            "pinned": self.library.fake_live_pinned(),
            "streams": self.get("streams"),
            "events": self.get("events"),
        }


NOTHING = {"device": 0, "pinned": 0, "streams": 0, "events": 0}


def compiled(target: Path, source: Path, *flags: str) -> Path:
    """A shared library of one C file; skips the test where there is no compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler here to build a fake library with")
    target.parent.mkdir(parents=True, exist_ok=True)
    command = [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", *flags]
    subprocess.run([*command, "-o", str(target), str(source), "-lpthread"], check=True)
    return target
