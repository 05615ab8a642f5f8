"""A daemon's delivery alone, as a program to be killed: `python -m tests.support.delivering FOLDER PORT FIRST COUNT`.

Puts COUNT events, numbered on from FIRST in their object ids, two hundred a second, and delivers what the outbox holds
until it is killed or told to stop (SIGTERM). Prints `put N` once N events are on the disk.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from pathlib import Path

from edge.board import Board
from edge.clock import SystemClock
from edge.outbox import Outbox
from edge.sinks.mqtt import MqttSettings, MqttSink
from tests.support.events import event


def main() -> None:
    """Run until SIGTERM."""
    folder, port, first, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    clock = SystemClock()
    outbox = Outbox(folder, "bar", ["mqtt"], clock)
    board = Board()
    board.set("alarm/state", "armed_away")
    settings = MqttSettings("127.0.0.1", port, back_off=(0.1, 0.5))
    sink = MqttSink(settings, "bar", outbox, board, clock)
    thread = threading.Thread(target=sink.run, args=(stop,), daemon=True)
    thread.start()
    for number in range(first, first + count):
        outbox.put(event("new", f"object{number}"))
        board.set("porch/person", number, qos=0)
        time.sleep(0.005)
    outbox.flush(10)
    print("put", count, flush=True)
    stop.wait()
    sink.wake()
    thread.join(5)
    outbox.close()


if __name__ == "__main__":
    main()
