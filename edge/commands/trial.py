"""A packed model tried out in a process of its own, which a hostile or a broken one can hang, fill or crash alone."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import time
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from edge import errors
from edge.errors import EdgeError, ModelError
from edge.hardware import memory_mb
from edge.models.packed.read import read
from edge.models.store import Model
from edge.opening import links_of, prove

SECONDS = 120.0
"""What a large model needs to load and to run once on a slow board, and some more."""
BUILD_SECONDS = 3600.0
"""The same where an engine is built of it first."""
SHARE = 0.75
"""Of the memory that is available, what a model may take: the rest is for those who use it."""
LOOK_S = 0.05
MOST_SAID = 1 << 16
PR_SET_PDEATHSIG = 1
"""Source: Linux, prctl(2)."""


def prove_apart(model: Model) -> None:
    """As `edge.opening.prove`, within bounds of time and memory; Ctrl-C ends it at any moment.

    Raises:
        ModelError: it took too long or too much memory, or took the process with it.
        EdgeError: as `prove`.
    """
    ours, theirs = Pipe()
    child = get_context("spawn").Process(target=_child, args=(model.path, theirs), daemon=True)
    with ours:
        with theirs:
            child.start()
        try:
            _wait(child, ours, model.path)
        finally:
            child.kill()
            child.join()


def _wait(child: BaseProcess, said: Connection, path: Path) -> None:
    available = memory_mb()[1]
    most = None if available is None else int(SHARE * available)
    begun, limit = time.monotonic(), SECONDS
    while True:
        if said.poll(LOOK_S):
            try:
                told = json.loads(said.recv_bytes(MOST_SAID))
            except EOFError:
                child.join()
                raise ModelError(f"{path}: ended the process that tried it out ({_end(child.exitcode)})") from None
            if "builds" not in told:
                return _raise(told)
            limit = BUILD_SECONDS if told["builds"] else limit
        elif most is not None and _resident_mb(child.pid) > most:
            raise ModelError(
                f"{path}: takes more than {most} MB when it is run, {SHARE:.0%} of the memory that is available here"
            )
        elif time.monotonic() - begun > limit:
            raise ModelError(f"{path}: gave nothing within {limit:g} s when it was tried out")


def _child(path: Path, parent: Connection) -> None:
    """Try out a packed file, whose signature the parent has seen; tell whether it has to be built, then the fault."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's affair
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    with contextlib.suppress(OSError):  # some containers do not let it be written
        Path("/proc/self/oom_score_adj").write_text(
            "1000", encoding="ascii"
        )  # where memory runs out, before all others
    told: dict[str, str] = {}
    try:
        packed = read(path)
        model = Model(path, packed.sha256, packed.manifest, packed)
        parent.send_bytes(json.dumps({"builds": not all(link.quick() for link in links_of(model))}).encode())
        prove(model)
    except EdgeError as fault:
        kind = next(base for base in type(fault).__mro__ if base.__module__ == errors.__name__)
        told = {"kind": kind.__name__, "fault": str(fault)[: MOST_SAID // 8]}
    except MemoryError:
        told = {"kind": ModelError.__name__, "fault": f"{path}: takes more memory than there is"}
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
