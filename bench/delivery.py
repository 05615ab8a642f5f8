"""From an event in the pipeline to the PUBACK of a local broker: `python -m bench.delivery [--json] [--events N]`.

Two figures, since the first is the disk's and the second is ours: put to commit (the group commit, with its fsync) and
commit to PUBACK. Events come one by one, as cameras make them. Needs mosquitto.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from bench.broker import mosquitto
from bench.table import Missing
from edge.board import Board
from edge.clock import SystemClock
from edge.outbox import Outbox
from edge.sinks.mqtt import MqttSettings, MqttSink
from edge.types import Event, Sighting


class Timed(Outbox):
    """The outbox with a watch on it: notes when a message was acknowledged."""

    acked = 0.0

    def __init__(self, folder: Path) -> None:
        self.arrived = threading.Event()
        super().__init__(folder, "bench", ["mqtt"], SystemClock())

    def delivered(self, sink: str, ids: Sequence[int], told_by: int | None = None) -> None:
        """As the outbox does, and notes the time."""
        self.acked = time.perf_counter()
        super().delivered(sink, ids, told_by)
        self.arrived.set()


def _event(number: int) -> Event:
    now = time.time()
    after = Sighting(
        f"{now:.3f}-{number:06d}", "porch", now, "person", 0.9, 0.9, now, None, (1, 2, 3, 4), (640, 480), True, False
    )
    return Event("new", None, after, now, "armed_away")


def measure(folder: Path, port: int, events: int) -> dict[str, float]:
    """p50 and p99 in milliseconds, over `events` events, after a tenth of them as a warm-up."""
    outbox = Timed(folder / "data")
    committed: list[float] = []
    outbox.subscribe("bench", lambda: committed.append(time.perf_counter()))
    sink = MqttSink(MqttSettings("127.0.0.1", port), "bench", outbox, Board(), SystemClock())
    stop = threading.Event()
    thread = threading.Thread(target=sink.run, args=(stop,))
    thread.start()
    sink.flush(5)
    rows: list[tuple[float, float]] = []
    for number in range(events + events // 10):
        outbox.arrived.clear()
        put = time.perf_counter()
        outbox.put(_event(number))
        if not outbox.arrived.wait(5):
            raise SystemExit("an event did not arrive")
        rows.append((committed[-1] - put, outbox.acked - committed[-1]))
        time.sleep(0.002)
    stop.set()
    sink.wake()
    thread.join()
    outbox.close()
    rows = rows[events // 10 :]
    found: dict[str, float] = {"events": events}
    for name, times in (("put_to_commit", [a for a, _ in rows]), ("commit_to_puback", [b for _, b in rows])):
        cuts = statistics.quantiles(times, n=100)
        found[f"{name}_p50_ms"] = round(cuts[49] * 1e3, 3)
        found[f"{name}_p99_ms"] = round(cuts[98] * 1e3, 3)
    return found


def main() -> None:
    """Run mosquitto, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--events", type=int, default=500)
    given = parser.parse_args()
    try:
        with mosquitto() as port, tempfile.TemporaryDirectory(prefix="edge-bench-") as name:
            found = measure(Path(name), port, given.events)
    except Missing as fault:
        print(fault, file=sys.stderr)
        raise SystemExit(3) from None
    if given.json:
        print(json.dumps(found))
    else:
        for key, value in found.items():
            print(f"{key:24} {value}")


if __name__ == "__main__":
    main()
