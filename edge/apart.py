"""A model tried out in a process of its own, which it may hang, fill or crash without harm to the one that waits.

The child is not trusted: it runs a file of anybody. What it says is one line, bounded and checked; in the end it is
killed with all that it started. What it is given should hold no password.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import pickle
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Concatenate, ParamSpec

from edge import errors
from edge.errors import EdgeError, ModelError
from edge.hardware import memory_mb
from edge.text import printable_lines

SECONDS = 120.0
"""What a large model needs to load and to run once on a slow board, and some more."""
BUILD_SECONDS = 3600.0
"""The same where an engine is built of it first."""
SHARE = 0.75
"""Of the memory that is available, what the process may take: the rest is for those who use it."""
LOOK_S = 0.05
END_S = 5.0
MOST_SAID = 1 << 16
MOST_LETTERS = 2000
SLOW = b"slow"
PR_SET_PDEATHSIG = 1
"""Source: Linux, prctl(2)."""
KINDS = {kind.__name__: kind for kind in vars(errors).values() if isinstance(kind, type)}
_BEGIN = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from edge.apart import main; main()"

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
        ModelError: it took too long or too much memory, took the process with it, could not be begun, or nobody waited.
        EdgeError: what the task raises.
    """
    try:
        with _child(pickle.dumps((task, args, kwargs))) as (child, said):
            _wait(child, said, model, gone)
    except OSError as fault:
        raise ModelError(f"{model}: cannot be tried out: {fault.strerror or fault}") from None


@contextmanager
def _child(work: bytes) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The process, leader of a session, and the pipe that it speaks into; killed with its session in the end."""
    said, theirs = os.pipe()
    try:
        with os.fdopen(os.memfd_create("edge-trial"), "r+b", buffering=0) as file:
            file.write(work)
            file.seek(0)
            command = [sys.executable, "-c", _BEGIN, json.dumps(sys.path), str(os.getpid()), str(theirs)]
            child = subprocess.Popen(  # noqa: S603 - this interpreter
                command, stdin=file, stdout=subprocess.DEVNULL, pass_fds=(theirs,), start_new_session=True
            )
        os.close(theirs)
        theirs = -1
        try:
            yield child, said
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):  # it may hang in the kernel; then it stays
                child.wait(END_S)
    finally:
        os.close(said)
        if theirs >= 0:
            os.close(theirs)


def _wait(child: subprocess.Popen[bytes], said: int, model: Path, gone: Callable[[], bool]) -> None:
    available = memory_mb()[1]
    most = None if available is None else int(SHARE * available)
    begun, limit, text = time.monotonic(), SECONDS, b""
    speaks = select.poll()  # `select` knows no descriptor above 1023
    speaks.register(said, select.POLLIN)
    while True:
        ended = child.poll() is not None
        heard = speaks.poll(LOOK_S * 1000)
        if ended and not heard:  # and something that it left behind holds the pipe
            raise ModelError(f"{model}: ended the process that tried it out ({_end(child)})")
        if heard:
            some = os.read(said, MOST_SAID)
            text += some
            *lines, text = text.split(b"\n")
            if lines and lines[-1] != SLOW:
                return _raise(lines[-1], model)
            limit = BUILD_SECONDS if lines else limit
            if not some or len(text) > MOST_SAID:
                raise ModelError(f"{model}: ended the process that tried it out ({_end(child)})")
        if most is not None and _resident_mb(child.pid) > most:
            raise ModelError(
                f"{model}: takes more than {most} MB when it is run, {SHARE:.0%} of the memory that is available here"
            )
        if gone():
            raise ModelError(f"{model}: was not tried out to the end: edge is to stop")
        if time.monotonic() - begun > limit:
            raise ModelError(f"{model}: gave nothing within {limit:g} s when it was tried out")


def main() -> None:
    """The child: carry the task out and tell of its fault."""
    parent, said = int(sys.argv[2]), int(sys.argv[3])
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it has ended before it could take this one with it
        os._exit(1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):  # some containers do not let it be written
        # Where memory runs out, this process goes before all others.
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    told: dict[str, str] = {}
    try:
        task, args, kwargs = pickle.load(sys.stdin.buffer)  # noqa: S301 - of the parent
        task(lambda: os.write(said, SLOW + b"\n"), *args, **kwargs)
    except EdgeError as fault:
        kind = next(base for base in type(fault).__mro__ if base.__module__ == errors.__name__)
        told = {"kind": kind.__name__, "fault": str(fault)[:MOST_LETTERS]}
    except MemoryError:
        told = {"kind": ModelError.__name__, "fault": "takes more memory than there is"}
    os.write(said, json.dumps(told).encode() + b"\n")
    os._exit(0)  # some back ends abort a process that ends in an orderly way


def _raise(line: bytes, model: Path) -> None:
    """The fault that the child tells, if it tells one."""
    try:
        told = json.loads(line)
        kind, fault = (KINDS[told["kind"]], str(told["fault"])) if told else (None, "")
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ModelError(f"{model}: the process that tried it out said what cannot be understood") from None
    if kind is not None:
        raise kind(printable_lines(fault))


def _end(child: subprocess.Popen[bytes]) -> str:
    try:
        code = child.wait(END_S)
    except subprocess.TimeoutExpired:
        return "it says no more"
    if code == -signal.SIGKILL:
        return "killed, perhaps for want of memory"
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


def _resident_mb(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):  # it has ended
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20
