"""Four cameras at once, as on a board that is well used: does anything pile up, and how late do events come?"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.broker import Arrival, listening, mosquitto
from bench.places import edge
from bench.running import clip_at_640, daemon, settings_file
from bench.table import Row, at_most

CAMERAS = ("door", "hall", "porch", "yard")
RUNS = 3
SECONDS = 60.0
BEGIN_S = 5.0
"""What starts together settles first: engines warm up, clips are read for the first time."""


def load() -> Iterator[Row]:
    """Four clips of 640x480 at 10 pictures a second, played live by one daemon with the default model and a broker on
    this machine; median of three runs. The way of an event is from the capture of its frame to the subscriber, less an
    inference: the run's quickest, so that the wait of four cameras for one engine counts; the other row leaves it out.
    """
    late, unqueued, deepest, counted = [], [], 0, 0
    for _ in range(RUNS):
        arrivals, depth = _run()
        ways = [way for arrival in arrivals if (way := _way_ms(arrival)) is not None]
        counted += len(ways)
        alone = min(inferred for _, inferred in ways)
        late.append(_p95([way - alone for way, _ in ways]))
        unqueued.append(_p95([way - inferred for way, inferred in ways]))
        deepest = max(deepest, depth)
    yield at_most("4 cameras live: frame to PUBACK beyond inference, p95", statistics.median(late), 150, " ms")
    yield Row("the same, beyond the wait for the engine's turn as well", f"{statistics.median(unqueued):.3g} ms")
    yield at_most("4 cameras live: messages that wait at the end", deepest, 0)
    yield Row("4 cameras live: events in all runs", f"{counted}")


def _run() -> tuple[list[Arrival], int]:
    """What arrived, and how many messages waited at the end."""
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as name, mosquitto() as port:
        folder = Path(name)
        mqtt = f'[mqtt]\nhost = "127.0.0.1"\nport = {port}\n'
        file = settings_file(folder, clip_at_640(folder), mqtt, CAMERAS)
        with listening(port) as arrivals, daemon(file):
            time.sleep(SECONDS)
            depths = []
            for _ in range(10):  # a message that is on its way at this very moment is no pile
                depths.append(json.loads(edge("status", "--json", "--config", file))["outbox"]["depth"])
                time.sleep(0.2)
            begun = arrivals[0].event["captured_at"] if arrivals else 0.0
            return [each for each in arrivals if each.event["captured_at"] > begun + BEGIN_S], min(depths)


def _way_ms(arrival: Arrival) -> tuple[float, float] | None:
    """The whole way, and what of it the inference took with the wait for its turn. None of an event that is about no
    frame of its own: an end is told when an object has been away for a while."""
    event, model = arrival.event, arrival.event["model"]
    if event["type"] == "end" or model is None or not model["infer_ms"]:
        return None
    return (arrival.at - float(event["captured_at"])) * 1e3, float(model["infer_ms"])


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[18]
