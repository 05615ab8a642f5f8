"""Loading a model in a child process: the first time while one waits for it, after a loss in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path

from edge.engines.base import BUGS, EngineOptions, ModelFile, Unsupported, one_line, path_of, said_of
from edge.engines.child import LOAD_S, Child, Program, refusal
from edge.engines.plain import as_file
from edge.engines.workers import protocol
from edge.engines.workers.protocol import Message, ProtocolError, Tensor
from edge.errors import EdgeError, EngineError, ModelError


@dataclass(frozen=True, slots=True)
class Plan:
    """How to start a child with a model in it, the first time and again.

    device: as the worker calls it
    """

    program: Program
    model: ModelFile
    device: str
    options: EngineOptions

    def request(self, kind: str, file: Path) -> Message:
        """A question about the model, which lies in a file now: `load` or `layers`."""
        return {
            "kind": kind,
            "model": str(file.absolute()),
            "device": self.device,
            "precision": self.options.precision,
            "threads": self.options.cpu_threads,
            "inputs": {name: list(shape) for name, shape in self.options.inputs.items() if None not in shape},
        }

    def ask(self, child: Child, kind: str) -> Message:
        """Put it to a child. Raises as `Loader` says for what is refused."""
        with as_file(self.model) as file:
            request = self.request(kind, file)
            reply = child.load(request, self.options.progress) if kind == "load" else child.ask(request, LOAD_S)
        if reply["kind"] != "refused":
            return reply
        child.close()
        name, fault, text = self.program.name, reply.get("fault"), one_line(str(reply.get("text")), 400)
        if fault == "unsupported":
            raise Unsupported(f"{name} cannot run it: {text}")
        if fault == "model":
            raise ModelError(f"{path_of(self.model)}: not a model that {name} can read: {text}")
        raise refusal(reply, name)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A child with a model in it, what it takes and what it gives."""

    child: Child
    takes: tuple[Tensor, ...]
    gives: tuple[Tensor, ...]


def load(plan: Plan, on_start: Callable[[Child], None] = lambda child: None) -> Loaded:
    """Start a child, tell of it, and load the model in it.

    Raises as `Loader` says, EngineError where the child dies of it or takes too long.
    """
    child = Child(plan.program)
    on_start(child)
    reply = plan.ask(child, "load")
    try:
        if reply["kind"] != "loaded":
            raise ProtocolError(f"{reply['kind'][:50]} answers no load")
        takes, gives = protocol.tensors(reply.get("inputs")), protocol.tensors(reply.get("outputs"))
        protocol.count(sum(tensor.bytes for tensor in gives))
    except ProtocolError as fault:
        raise child.nonsense(fault) from None
    return Loaded(child, takes, gives)


class Successor:
    """The child that takes the place of a lost one, loaded in a thread of its own: a camera does not wait for it."""

    def __init__(self, plan: Plan) -> None:
        """Begin. Nobody is told of the progress."""
        self._made: Future[Loaded] = Future()
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._unwanted = False
        unheard = replace(plan, options=replace(plan.options, progress=lambda part, doing: None))
        # A daemon thread: a driver that hangs must not keep the process from ending.
        threading.Thread(
            target=self._load, args=(unheard,), name=f"child-{plan.program.name}-again", daemon=True
        ).start()

    def get(self) -> Loaded | None:
        """What was loaded, None as long as it is under way. Raises EdgeError where it failed."""
        return self._made.result() if self._made.done() else None

    def discard(self) -> None:
        """Nobody wants it any more: end the process, also one that is loading, which is not waited for."""
        with self._lock:
            self._unwanted = True
            child = self._child
        if child is not None:
            child.shoot()
        self._made.add_done_callback(_close)

    def _load(self, plan: Plan) -> None:
        try:
            self._made.set_result(load(plan, self._note))
        except EdgeError as fault:
            self._made.set_exception(fault)
        except BUGS as bug:
            self._made.set_exception(EngineError(said_of(plan.program.name, bug)))

    def _note(self, child: Child) -> None:
        with self._lock:
            self._child = child
            unwanted = self._unwanted
        if unwanted:
            child.shoot()


def _close(made: Future[Loaded]) -> None:
    if made.exception() is None:
        made.result().child.close()
