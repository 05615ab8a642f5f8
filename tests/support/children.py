"""Child processes for tests: the echo worker under our own interpreter, and programs that speak nonsense."""

from __future__ import annotations

import json
import os
import select
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import EngineOptions, Feed
from edge.engines.child import Program
from edge.engines.child_engine import ChildEngine
from edge.engines.child_load import Plan
from edge.errors import EngineError

ECHO = Path(__file__).parent / "echo_worker.py"


def program(python: Path = Path(sys.executable), worker: Path = ECHO) -> Program:
    return Program("echo", python, worker, "numpy", "3.6 or later")


def echo(folder: Path, timeout_s: float = 10.0, python: Path = Path(sys.executable), **wanted: Any) -> ChildEngine:
    """An engine on the echo worker; `wanted` goes into its model file."""
    model = folder / "echo.json"
    model.write_text(json.dumps({"shape": [1, 4], **wanted}))
    return ChildEngine(Plan(program(python), model, "CPU", EngineOptions(timeout_s=timeout_s)))


def feed(first: float = 0, size: int = 4) -> dict[str, NDArray[np.float32]]:
    """For the echo worker; the first element may be a deed."""
    x = np.arange(size, dtype=np.float32)[None]
    x[0, 0] = first
    return {"x": x}


def run_again(engine: Any, feed: Feed) -> Mapping[str, NDArray[Any]]:
    """The first run that is right after a child was lost: until the new one is there, each is refused at once."""
    end = time.monotonic() + 30
    while True:
        try:
            given: Mapping[str, NDArray[Any]] = engine.run(feed)
        except EngineError as fault:
            if "is being started again" not in str(fault) or time.monotonic() > end:
                raise
        else:
            return given
        time.sleep(0.01)


def script(path: Path, text: str) -> Path:
    """An executable file."""
    path.write_text(text)
    path.chmod(0o755)
    return path


def liar(folder: Path, *answers: bytes) -> Path:
    """A fake interpreter that reads a question and sends the next of these bytes, and ends after the last."""
    return script(
        folder / "liar",
        f"#!{sys.executable}\n"
        "import socket\n"
        "channel = socket.socket(fileno=0)\n"
        f"for answer in {list(answers)!r}:\n"
        "    if not channel.recv(65536):\n"
        "        break\n"
        "    channel.sendall(answer)\n",
    )


def resident_kb(pid: int) -> int:
    """Memory of a process in kB, shared segments included, files that it maps not."""
    fields = dict(line.split(":") for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return sum(int(fields[name].split()[0]) for name in ("RssAnon", "RssShmem"))


def descriptors(pid: int) -> int:
    """How many files a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def is_running(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def wait_for(gone: int) -> None:
    """Until the process of this pidfd has ended."""
    with os.fdopen(gone):
        assert select.select([gone], [], [], 10)[0], "the child is still there"
