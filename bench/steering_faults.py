"""How long a car that a model drives goes on after a fault: from then to the first neutral that lasts."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.steering_loop import HZ, road
from bench.table import Row, at_most
from tests.support.broker import Broker, running
from tests.support.driving import Drive, driving

ROUNDS = 5
MOST_MS = 250
Fault = Callable[[Drive], None]


def _word(word: str) -> Fault:
    return lambda drive: drive.word.write_text(word) and None


def _signal(number: signal.Signals) -> Fault:
    return lambda drive: os.kill(drive.loop, number)


FAULTS: dict[str, Fault] = {
    "the model returns NaN": _word("nan"),
    "the engine raises": _word("engine"),
    "the pilot hangs": _word("hang"),
    "the loop is stopped": _signal(signal.SIGSTOP),
    "the loop is killed": _signal(signal.SIGKILL),
}


def faults() -> Iterator[Row]:
    """The longest of several rounds of each, by the trace of what the actuator was given."""
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as name:
        folder = Path(name)
        clip = road(folder / "road.mp4")
        settings = f'[steer]\nsource = "file:{clip}"\nloop = true\nhz = {HZ}\n'
        for what, fault in FAULTS.items():
            took = [_took(folder, settings, fault) for _ in range(ROUNDS)]
            yield at_most(f"{what}: to neutral, longest of {ROUNDS}", max(took), MOST_MS, " ms")
        for what in ("killed", "frozen"):
            took = [_lost(folder, settings, what) for _ in range(ROUNDS)]
            yield at_most(f"the broker is {what}: to neutral, longest of {ROUNDS}", max(took), MOST_MS, " ms")


def _took(folder: Path, settings: str, fault: Fault) -> float:
    with driving(folder, settings, "--pilot", "tests.support.pilots:steer") as drive:
        drive.word.unlink(missing_ok=True)
        drive.engaged()
        drive.loop  # noqa: B018  # asked for now, so that the fault itself takes no time
        moment = time.monotonic()
        fault(drive)
        time.sleep(0.8)
        return _neutral_ms(drive, moment)


def _lost(folder: Path, settings: str, how: str) -> float:
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as name, running(Broker(Path(name))) as broker:
        mqtt = f'actuator = "mqtt"\n[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n'
        with driving(folder, settings + mqtt, "--pilot", "tests.support.pilots:steer") as drive:
            drive.engaged()
            moment = time.monotonic()
            broker.kill() if how == "killed" else broker.freeze()
            time.sleep(0.8)
            return _neutral_ms(drive, moment)


def _neutral_ms(drive: Drive, moment: float) -> float:
    """Milliseconds from `moment` to the first line of the trace from which on all are neutral."""
    lines = drive.lines()
    moving = [line["t"] for line in lines if line["steering"] or line["throttle"]]
    stands = min(line["t"] for line in lines if line["t"] > moving[-1])
    return float(stands - moment) * 1000
