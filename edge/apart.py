"""Something that may hang, fill the memory or crash, done in a process of its own and within bounds."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import time
from collections.abc import Callable
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Concatenate, ParamSpec

from edge import errors
from edge.errors import EdgeError, ModelError
from edge.hardware import memory_mb

SECONDS = 120.0
"""What a large model needs to load and to run once on a slow board, and some more."""
BUILD_SECONDS = 3600.0
"""The same where an engine is built of it first."""
SHARE = 0.75
"""Of the memory that is available, what the process may take: the rest is for those who use it."""
LOOK_S = 0.05
MOST_SAID = 1 << 16
PR_SET_PDEATHSIG = 1
"""Source: Linux, prctl(2)."""

P = ParamSpec("P")
Slow = Callable[[], None]
"""Called by a task that may take `BUILD_SECONDS` from now on."""


def tried(
    model: Path,
    gone: Callable[[], bool],
    task: Callable[Concatenate[Slow, P], object],
    *args: P.args,
    **kwargs: P.kwargs,
) -> None:
    """Try a model out by a task in another process; what the task gives is dropped. A KeyboardInterrupt ends it.

    Args:
        model: for messages.
        gone: asked again and again whether nobody waits for it any more.
        task: a function of a module, which gets a `Slow` and the arguments; these are pickled.

    Raises:
        ModelError: it took too long or too much memory, took the process with it, or nobody waited for it.
        EdgeError: what the task raises.
    """
    ours, theirs = Pipe()
    child = get_context("spawn").Process(target=_child, args=(model, theirs, task, args, kwargs), daemon=True)
    with ours:
        with theirs:
            child.start()
        try:
            _wait(child, ours, model, gone)
        finally:
            child.kill()
            child.join()


def _wait(child: BaseProcess, said: Connection, model: Path, gone: Callable[[], bool]) -> None:
    available = memory_mb()[1]
    most = None if available is None else int(SHARE * available)
    begun, limit = time.monotonic(), SECONDS
    while True:
        if said.poll(LOOK_S):
            try:
                told = json.loads(said.recv_bytes(MOST_SAID))
            except EOFError:
                child.join()
                raise ModelError(f"{model}: ended the process that tried it out ({_end(child.exitcode)})") from None
            if "slow" not in told:
                return _raise(told)
            limit = BUILD_SECONDS
        elif most is not None and _resident_mb(child.pid) > most:
            raise ModelError(
                f"{model}: takes more than {most} MB when it is run, {SHARE:.0%} of the memory that is available here"
            )
        elif gone():
            raise ModelError(f"{model}: was not tried out to the end: edge is to stop")
        elif time.monotonic() - begun > limit:
            raise ModelError(f"{model}: gave nothing within {limit:g} s when it was tried out")


def _child(
    model: Path, parent: Connection, task: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object]
) -> None:
    """Carry the task out and tell of its fault."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's affair
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    with contextlib.suppress(OSError):  # some containers do not let it be written
        # Where memory runs out, this process goes before all others.
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    told: dict[str, str] = {}
    try:
        task(lambda: parent.send_bytes(json.dumps({"slow": True}).encode()), *args, **kwargs)
    except EdgeError as fault:
        kind = next(base for base in type(fault).__mro__ if base.__module__ == errors.__name__)
        told = {"kind": kind.__name__, "fault": str(fault)[: MOST_SAID // 8]}
    except MemoryError:
        told = {"kind": ModelError.__name__, "fault": f"{model}: takes more memory than there is"}
    parent.send_bytes(json.dumps(told).encode())
    os._exit(0)  # some back ends abort a process that ends in an orderly way


def _raise(told: dict[str, str]) -> None:
    if told:
        kind: type[EdgeError] = getattr(errors, told["kind"])
        raise kind(told["fault"])


def _end(code: int | None) -> str:
    if code == -signal.SIGKILL:
        return "killed, perhaps for want of memory"
    return f"exit code {code}" if code is None or code >= 0 else signal.Signals(-code).name


def _resident_mb(pid: int | None) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):  # it has ended
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20
