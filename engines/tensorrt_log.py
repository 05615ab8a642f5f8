"""What TensorRT says while it works: its last complaints, kept for our own messages, and how far a build is."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from edge.engines.base import one_line
from edge.engines.tensorrt_api import Bindings, Member, optional
from edge.errors import MissingError

FAULTS = (RuntimeError, ValueError, TypeError, OSError)
COMPLAINTS = ("INTERNAL_ERROR", "ERROR")
Made = TypeVar("Made")


class Log:
    """The last complaints of TensorRT. Nothing is printed: what matters is raised as well."""

    def __init__(self, trt: Bindings) -> None:
        self._said: deque[str] = deque(maxlen=8)
        logger = type("EdgeLogger", (trt.ILogger,), {"log": lambda _, severity, msg: self._hear(severity, msg)})
        self.logger: object = logger()

    def _hear(self, severity: Member, msg: str) -> None:
        if severity.name in COMPLAINTS:
            self._said.append(msg)

    def start(self, make: Callable[[object], Made]) -> Made:
        """Make a Builder or a Runtime; MissingError where the driver is not one that this release can work with."""
        self.forget()
        try:
            return make(self.logger)
        except FAULTS as fault:
            raise MissingError(f"tensorrt cannot start here: {self.reason(str(fault))}") from None

    def forget(self) -> None:
        """Begin anew, before something whose complaints matter."""
        self._said.clear()

    def reason(self, otherwise: str = "it says nothing of why") -> str:
        """The first complaint since `forget`, on one line: it is the cause of those after it."""
        said = tuple(self._said)
        return one_line(RuntimeError(said[0] if said else otherwise))


@cache
def log_of(trt: Bindings) -> Log:
    """The only log of this process: TensorRT keeps a pointer to the first logger it is given, for good."""
    return Log(trt)


@dataclass(slots=True)
class _Phase:
    parent: str | None
    steps: int
    done: int = 0


class Progress:
    """TensorRT's nested phases of a build as one figure that only grows.

    A phase counts as its steps do, and a phase within another as part of the step that the other is in.
    """

    def __init__(self, tell: Callable[[float, str], None]) -> None:
        self._tell = tell
        self._phases: dict[str, _Phase] = {}
        self._part = 0.0
        self._lock = threading.Lock()

    def monitor(self, trt: Bindings) -> object | None:
        """What TensorRT is to be given; None where this release has no such thing."""
        base = optional(trt, "IProgressMonitor")
        if base is None:
            return None
        told = {
            "phase_start": lambda _, phase_name, parent_phase, num_steps: self.start(
                phase_name, parent_phase, num_steps
            ),
            "step_complete": lambda _, phase_name, step: self.step(phase_name, step),
            "phase_finish": lambda _, phase_name: self.finish(phase_name),
        }
        monitor: object = type("EdgeProgress", (base,), told)()
        return monitor

    def start(self, phase: str, parent: str | None, steps: int) -> None:
        """A phase begins."""
        with self._lock:
            self._phases[phase] = _Phase(parent, max(1, steps))
            self._say(phase)

    def step(self, phase: str, step: int) -> bool:
        """A step of a phase is done; True lets the build go on."""
        with self._lock:
            if phase in self._phases:
                self._phases[phase].done = step + 1
                self._say(phase)
        return True

    def finish(self, phase: str) -> None:
        """A phase ends, perhaps before its last step."""
        with self._lock:
            self._phases.pop(phase, None)

    def _say(self, phase: str) -> None:
        self._part = max(self._part, min(1.0, self._whole(phase)))
        self._tell(self._part, f"building for this GPU: {phase}")

    def _whole(self, name: str) -> float:
        phase = self._phases[name]
        part = phase.done / phase.steps
        while phase.parent in self._phases:
            phase = self._phases[phase.parent]
            part = min(phase.done + part, phase.steps) / phase.steps
        return part
