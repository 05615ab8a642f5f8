"""The process of the loop: `python -m edge.steer.child FD`, with what it is to do as JSON on its standard input.

A process of its own, since an engine can hang in native code or take the process with it: who owns the actuator sees
the end of the socket, or its silence.
"""

from __future__ import annotations

import gc
import logging
import socket
import sys
from functools import partial
from pathlib import Path

from edge.capture.sources import open_source
from edge.clock import SystemClock
from edge.errors import EdgeError
from edge.steer.front import Front
from edge.steer.loop import Loop
from edge.steer.pilots import of_task
from edge.steer.task import read
from edge.steer.view import View
from edge.steer.wire import Note, tell


def main() -> None:
    """Do it until nobody listens."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="loop: %(message)s")
    end = socket.socket(fileno=int(sys.argv[1]))
    end.setblocking(False)
    task, clock = read(sys.stdin.read()), SystemClock()
    tell(end, Note("waiting", "the model is being loaded"))
    try:
        pilot = of_task(task)
        front = Front(task.shown, partial(open_source, task.source), clock, loop=task.loop)
        front.start()
        if task.view is not None:
            View(Path(task.view), front.newest)
        gc.freeze()  # see `edge steer drive`: what is loaded stays, and is not to be looked through again
        Loop(task.hz, pilot, front, end, clock).run()
    except EdgeError as fault:
        tell(end, Note("fault", str(fault)))
        sys.exit(fault.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
