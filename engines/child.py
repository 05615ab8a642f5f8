"""A process of another interpreter that runs one worker file, and the questions put to it (see `workers.protocol`)."""

from __future__ import annotations

import array
import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from edge.engines.base import one_line
from edge.engines.workers import protocol
from edge.engines.workers.protocol import Message, ProtocolError
from edge.errors import EngineError, MissingError

WORKERS = Path(__file__).parent / "workers"
START_S = 30.0
"""A first import from a slow card takes this long at the most."""
PARTING_S = 2.0
"""How long a child may take to end by itself, so that it lets go of its device, and again after SIGTERM."""
FOREIGN = ("PYTHONHOME", "PYTHONWARNINGS", "PYTHONDEVMODE", "PYTHONMALLOC")
"""Settings of our interpreter that another would fall over; not PYTHONPATH, by which OpenVINO's archives work."""
Process = subprocess.Popen[bytes]


@dataclass(frozen=True, slots=True)
class Program:
    """What a child runs.

    name: of the back end, for messages
    python: the interpreter, or a script that sets up what it needs and then `exec`s one with its own arguments
    worker: its worker file, one of `engines/workers/` (see `workers.serve`)
    wants: the package that it needs there, as pip takes it
    pythons: the releases of Python that have the package
    """

    name: str
    python: Path
    worker: Path
    wants: str
    pythons: str

    @property
    def hint(self) -> str:
        """How an interpreter that lacks something gets it."""
        return f"it takes Python {self.pythons} and: {self.python} -m pip install {self.wants}"


class Child:
    """One child, greeted. Used by one thread at a time; it ends with `close`, with this object, or with our process."""

    def __init__(self, program: Program) -> None:
        """Start it.

        Raises:
            MissingError: the interpreter cannot be started, ends at once, or lacks what the worker needs.
        """
        self._name = program.name
        self._said = LastWords()
        self._socket, theirs = socket.socketpair()
        command = [str(program.python), "-B", "-u", "-X", "faulthandler", str(WORKERS), str(program.worker)]
        started: Future[Process] = Future()
        # The kernel kills the child when the thread that started it ends (PR_SET_PDEATHSIG of prctl(2)), so that is
        # one which ends after the child and not, say, the one that happened to load a model.
        thread = threading.Thread(
            target=_attend, args=(command, theirs, self._said, started), name=f"child-{self._name}", daemon=True
        )
        thread.start()
        try:
            self._process = started.result()
        except (OSError, ValueError) as fault:
            self._socket.close()
            reason = getattr(fault, "strerror", None) or fault
            raise MissingError(f"{self._name}: {program.python} cannot be started ({reason}); {program.hint}") from None
        self._end = weakref.finalize(self, _end, self._process, self._socket, thread)
        self.version, self.devices = self._greet(program)

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it may be asked; False after any fault of its own."""
        return self._end.alive

    def ask(
        self,
        message: Message,
        timeout_s: float,
        *,
        descriptor: int | None = None,
        progress: Callable[[float, str], None] = lambda part, doing: None,
    ) -> Message:
        """Put a question and wait for the answer, which may be `refused`.

        Args:
            timeout_s: for the answer, and again after each word of progress.
            descriptor: goes along with the question.

        Raises:
            EngineError: the child died, did not answer in time or talks nonsense; it is gone by then.
        """
        answered = False
        try:
            self._send(protocol.pack(message), timeout_s, descriptor)
            while (reply := self._receive(timeout_s))["kind"] == "progress":
                part = min(1.0, max(0.0, protocol.field(reply, "part", float)))
                progress(part, protocol.field(reply, "doing", str))
            answered = True
            self._said.clear()
            return reply
        except TimeoutError:
            self.kill()
            raise EngineError(
                f"{self._name}: no answer from its process for {timeout_s:g} s, so it was killed{self._said}"
            ) from None
        except (protocol.Closed, ConnectionError):
            raise EngineError(f"{self._name}: its process has ended ({self._how()}){self._said}") from None
        except ProtocolError as fault:
            raise self.nonsense(fault) from None
        finally:
            if not answered:  # whatever broke in, the next answer would be that to this question
                self.kill()

    def nonsense(self, fault: ProtocolError) -> EngineError:
        """What to raise for an answer that was well formed and yet wrong; ends the child."""
        self.kill()
        return EngineError(f"{self._name}: its process talks nonsense: {one_line(fault)}{self._said}")

    def kill(self) -> None:
        """End it without asking."""
        _signal(self._process, signal.SIGKILL)
        self.close()

    def close(self) -> None:
        """Hang up, upon which it ends; else terminate it, else kill it. Any number of times."""
        self._end()

    def _greet(self, program: Program) -> tuple[str, tuple[str, ...]]:
        try:
            reply = self.ask({"kind": "hello", "version": protocol.VERSION}, START_S)
        except EngineError as fault:
            raise MissingError(f"{fault} (started as {program.python}; {program.hint})") from None
        if reply["kind"] == "refused":
            self.close()
            raise MissingError(f"{refusal(reply, self._name)}; {program.hint}")
        try:
            if reply["kind"] != "hello" or protocol.count(reply.get("version")) != protocol.VERSION:
                raise ProtocolError(f"{str(reply)[:80]} is no hello of version {protocol.VERSION}")
            return protocol.field(reply, "backend", str), tuple(protocol.strings(reply.get("devices"), 100))
        except ProtocolError as fault:
            raise self.nonsense(fault) from None

    def _send(self, frame: bytes, timeout_s: float, descriptor: int | None) -> None:
        self._socket.settimeout(timeout_s)
        sent = 0
        if descriptor is not None:
            beside = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))]
            sent = self._socket.sendmsg([frame], beside)
        self._socket.sendall(frame[sent:])

    def _receive(self, timeout_s: float) -> Message:
        deadline = time.monotonic() + timeout_s

        def read(size: int) -> bytes:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._socket.settimeout(left)
            return self._socket.recv(size)

        return protocol.receive(read)

    def _how(self) -> str:
        self.close()
        code = self._process.returncode
        if code is None:  # deep in a driver, where no signal reaches it
            return "it cannot be killed"
        names = {number.value: number.name for number in signal.Signals}
        return f"exit code {code}" if code >= 0 else names.get(-code, f"signal {-code}")


class LastWords:
    """The end of what a child printed: its last lines, each cut. Written by one thread, read by any."""

    LINES, WIDTH = 20, 300

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=self.LINES)
        self._part = b""

    def add(self, text: bytes) -> None:
        """Take what was read, whole lines or not; a line without end is cut, not kept."""
        *whole, self._part = (self._part + text).split(b"\n")
        self._part = self._part[: self.WIDTH]
        self._lines.extend(line[: self.WIDTH].decode("utf-8", "replace") for line in whole if line.strip())

    def clear(self) -> None:
        """Forget them: what it said before it went on well explains nothing that comes later."""
        self._lines.clear()

    def lines(self) -> list[str]:
        """The last lines, oldest first."""
        rest = self._part.decode("utf-8", "replace")
        return [line.rstrip() for line in (*self._lines.copy(), rest) if line.strip()]

    def __str__(self) -> str:
        """The end of a message: the last line, or of a crash that Python reported, its first."""
        lines = self.lines()
        telling = [line for line in lines if line.startswith("Fatal Python error:")] or lines[-1:]
        return f"; its last words: {one_line(RuntimeError(telling[0]))}" if telling else ""


def refusal(reply: Message, name: str) -> MissingError | EngineError:
    """What to raise for a `refused`: of a package or device that is missing, or else of something that failed."""
    text = one_line(RuntimeError(str(reply.get("text"))), 400)
    if reply.get("fault") == "device":
        return MissingError(f"{name} {text}")
    return (MissingError if reply.get("fault") == "package" else EngineError)(f"{name}: {text}")


def _attend(command: list[str], theirs: socket.socket, said: LastWords, started: Future[Process]) -> None:
    """Start the child, keep its last words, reap it."""
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    try:
        # A session of its own: Ctrl-C at our terminal is for us to tell, and a wrapping script ends with what it wraps.
        process = subprocess.Popen(  # noqa: S603 - the interpreter that the user set
            command,
            stdin=theirs.fileno(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    except (OSError, ValueError) as fault:
        started.set_exception(fault)
        return
    finally:
        theirs.close()
    output = process.stdout
    assert output is not None  # noqa: S101 - asked for above
    started.set_result(process)
    with output:
        while text := os.read(output.fileno(), 4096):
            said.add(text)
    process.wait()


def _end(process: Process, channel: socket.socket, thread: threading.Thread) -> None:
    channel.close()
    for farewell in (None, signal.SIGTERM, signal.SIGKILL):
        if farewell is not None:
            _signal(process, farewell)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PARTING_S)
            break
    if thread is not threading.current_thread():  # the garbage collector may have come by there
        thread.join(PARTING_S)


def _signal(process: Process, number: signal.Signals) -> None:
    """Send a signal to the child's session: to a script that wraps the interpreter, too."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
