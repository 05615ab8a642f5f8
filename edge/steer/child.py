"""The process of the loop: `python -m edge.steer.child FD`, with what it is to do as JSON on its standard input.

A process of its own, since an engine can hang in native code or take the process with it: who owns the actuator sees
the end of the socket, or its silence.
"""

from __future__ import annotations

import importlib
import logging
import socket
import sys
from functools import partial

from edge.capture.sources import open_source
from edge.clock import SystemClock
from edge.engines.base import EngineOptions
from edge.errors import EdgeError, ModelError, UserError
from edge.opening import open_predictor
from edge.steer.front import Front
from edge.steer.loop import Loop, Pilot
from edge.steer.task import Task, read
from edge.steer.wire import Note, tell
from edge.types import Frame, Values


def pilot_of(task: Task) -> Pilot:
    """What steers. Raises EdgeError: the model or what runs it is not here, or it is no pilot's."""
    if task.pilot is not None:
        return _own(task.pilot)
    options = EngineOptions(threads=task.threads, device=task.device)
    predictor = open_predictor(task.model, task.engine, options, tasks=("regression",))

    def steer(frame: Frame) -> float:
        seen = predictor.predict(frame.picture)
        if not isinstance(seen, Values) or len(seen) != 1:
            raise ModelError(f"model {task.model}: a pilot gives one number, the steering")
        return float(seen.values[0])

    return steer


def _own(name: str) -> Pilot:
    module, _, attribute = name.partition(":")
    try:
        own = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as fault:
        raise UserError(f"--pilot {name}: {fault}; wants MODULE:NAME of a callable") from None
    return lambda frame: float(own(frame.picture.bgr()))


def main() -> None:
    """Do it until nobody listens."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="loop: %(message)s")
    end = socket.socket(fileno=int(sys.argv[1]))
    end.setblocking(False)
    task, clock = read(sys.stdin.read()), SystemClock()
    tell(end, Note("waiting", "the model is being loaded"))
    try:
        pilot = pilot_of(task)
        front = Front(task.shown, partial(open_source, task.source), clock, loop=task.loop)
        front.start()
        Loop(task.hz, pilot, front, end, clock).run()
    except EdgeError as fault:
        tell(end, Note("fault", str(fault)))
        sys.exit(fault.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
