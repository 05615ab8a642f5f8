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
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from edge.engines.base import one_line
from edge.engines.child_output import LastWords, listen
from edge.engines.workers import protocol
from edge.engines.workers.protocol import Message, ProtocolError
from edge.errors import EngineError, MissingError

WORKERS = Path(__file__).parent / "workers"
START_S = 30.0
"""A first import from a slow card takes this long at the most."""
LOAD_S, WHOLE_LOAD_S = 120.0, 600.0
"""How long loading may go on without a word of progress (a stick takes half a minute for a large model), and in all."""
PARTING_S = 2.0
"""How long a child may take to end by itself, so that it lets go of its device, and again after SIGTERM."""
FOREIGN = ("PYTHONHOME", "PYTHONWARNINGS", "PYTHONDEVMODE", "PYTHONMALLOC")
"""Settings of our interpreter that another would fall over; not PYTHONPATH, by which OpenVINO's archives work."""
Process = subprocess.Popen[bytes]
Progress = Callable[[float, str], None]


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
    ) -> Message:
        """Put a question and wait for the answer, which may be `refused`.

        Args:
            timeout_s: for question and answer together.
            descriptor: goes along with the question.

        Raises:
            EngineError: the child died, did not answer in time or talks nonsense; it is gone by then.
        """
        return self._exchange(message, timeout_s, timeout_s, descriptor, None)

    def load(self, message: Message, progress: Progress) -> Message:
        """`ask` for a load, which may take `LOAD_S` from one word of progress to the next and `WHOLE_LOAD_S` in all."""
        return self._exchange(message, LOAD_S, WHOLE_LOAD_S, None, progress)

    def _exchange(
        self, message: Message, timeout_s: float, whole_s: float, descriptor: int | None, progress: Progress | None
    ) -> Message:
        answered = False
        end = time.monotonic() + whole_s
        try:
            self._send(protocol.pack(message), timeout_s, descriptor)
            while (reply := self._receive(min(timeout_s, end - time.monotonic())))["kind"] == "progress":
                if progress is None:
                    raise ProtocolError("it tells progress of what is no load")
                part = min(1.0, max(0.0, protocol.field(reply, "part", float)))
                progress(part, one_line(protocol.field(reply, "doing", str), 80))
            answered = True
            self._said.clear()
            return reply
        except TimeoutError:
            self.kill()
            waited = f"{whole_s:g} s in all" if whole_s != timeout_s and time.monotonic() >= end else f"{timeout_s:g} s"
            raise EngineError(
                f"{self._name}: no answer from its process for {waited}, so it was killed{self._said}"
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
        self.shoot()
        self.close()

    def shoot(self) -> None:
        """Kill the process, from any thread: who waits for its answer is told that it has ended, and ends it."""
        _signal(self._process, signal.SIGKILL)

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
            devices = protocol.strings(reply.get("devices"), 100)
            return one_line(protocol.field(reply, "backend", str), 60), tuple(one_line(name, 60) for name in devices)
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


def refusal(reply: Message, name: str) -> MissingError | EngineError:
    """What to raise for a `refused`: of a package or device that is missing, or else of something that failed."""
    text = one_line(str(reply.get("text")), 400)
    if reply.get("fault") == "device":
        return MissingError(f"{name} {text}")
    return (MissingError if reply.get("fault") == "package" else EngineError)(f"{name}: {text}")


def _attend(command: list[str], theirs: socket.socket, said: LastWords, started: Future[Process]) -> None:
    """Start the child and keep its last words; once it ended, end with it what it started, and reap it."""
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
        listen(output.fileno(), process.pid, said)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    _signal(process, signal.SIGKILL)  # before it is reaped: until then nobody else has its number
    process.wait()


def _end(process: Process, channel: socket.socket, thread: threading.Thread) -> None:
    """Hang up; the thread ends once the process has."""
    channel.close()
    if thread is threading.current_thread():  # the garbage collector came by there
        _signal(process, signal.SIGKILL)
        return
    for farewell in (None, signal.SIGTERM, signal.SIGKILL):
        if farewell is not None:
            _signal(process, farewell)
        thread.join(PARTING_S)
        if not thread.is_alive():
            return


def _signal(process: Process, number: signal.Signals) -> None:
    """Send a signal to the child's session: to a script that wraps the interpreter, too."""
    if process.returncode is None:  # not reaped, which only `_attend` does
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
