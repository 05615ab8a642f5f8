"""A real `edge steer drive`, its orders given by hand, and the trace of what its actuator was given."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge.config.schema import Node
from edge.errors import EdgeError
from edge.steer.desk import ask
from tests.support.broker import eventually

ROOT = Path(__file__).parent.parent.parent
NEUTRAL_S = 0.25
"""Within which the actuator is at neutral after a fault."""


class Drive:
    """One that runs. word: file that the pilots of `tests.support.pilots` look at."""

    def __init__(
        self,
        folder: Path,
        settings: str,
        options: Sequence[str] = (),
        env: dict[str, str] | None = None,
        stderr: int | None = None,
    ) -> None:
        self.word, self._trace, self._log = folder / "word", folder / "trace.jsonl", folder / "drive.log"
        self.node = Node(data=folder / "data")
        config = folder / "steer.toml"
        config.write_text(f'[node]\ndata = "{folder}/data"\n{settings}')
        command = [sys.executable, "-m", "edge", "steer", "drive", "--config", str(config), "--trace", str(self._trace)]
        around = {**os.environ, "PYTHONPATH": str(ROOT), "EDGE_TEST_WORD": str(self.word), "OMP_NUM_THREADS": "1"}
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [*command, "--json", *options],
                env=around | (env or {}),
                stdout=subprocess.PIPE,
                stderr=log if stderr is None else stderr,
                text=True,
                # Under `nohup`, as tests may be run, a signal of a terminal's end would be ignored.
                preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
            )

    def log(self) -> str:
        """What it has said on stderr."""
        return self._log.read_text()

    def order(self, word: str) -> dict[str, Any]:
        """Give an order; the state after it."""
        return ask(self.node, word)

    def reaches(self, word: str, state: str, timeout: float = 30.0) -> None:
        """Give an order again and again until it is followed."""

        def follows() -> bool:
            assert self.process.poll() is None, self._log.read_text()
            try:
                return bool(self.order(word)["state"] == state)
            except EdgeError:
                return False

        eventually(follows, timeout)

    def engaged(self) -> None:
        """Arm and engage as soon as it lets one, and wait until it really drives."""
        self.reaches("ARM", "armed")
        self.reaches("ENGAGE", "engaged", 5)
        eventually(lambda: self.order("STATUS")["steering"] > 0.4, 5)

    @property
    def loop(self) -> int:
        """The process id of the child."""
        return int(eventually(lambda: self.order("STATUS")["loop"]))

    def lines(self) -> list[dict[str, Any]]:
        """The trace so far."""
        return [json.loads(line) for line in self._trace.read_text().splitlines() if line.endswith("}")]

    def neutral_after(self, moment: float, state: str = "fault") -> list[dict[str, Any]]:
        """Check that the car drove until `moment`, and stands within `NEUTRAL_S` of it, for as long as nobody comes.

        moment: monotonic seconds. Returns the lines since.
        """
        time.sleep(max(moment + NEUTRAL_S + 0.4 - time.monotonic(), 0))
        eventually(lambda: self.lines()[-1]["t"] > moment + NEUTRAL_S + 0.1)
        lines = self.lines()
        before = [line for line in lines if moment - 0.3 < line["t"] < moment]
        assert before
        assert before[-1]["throttle"] > 0
        late = [line for line in lines if line["t"] > moment + NEUTRAL_S]
        assert late
        assert {(line["steering"], line["throttle"]) for line in late} == {(0.0, 0.0)}
        assert {line["state"] for line in late} == {state}
        return [line for line in lines if line["t"] > moment]

    def needs_a_hand(self) -> None:
        """Check that it does not engage before it is armed again."""
        assert self.order("ENGAGE")["state"] in ("fault", "disarmed")
        assert self.lines()[-1]["throttle"] == 0

    def ended(self) -> dict[str, Any]:
        """Stop it as the system would; its last words."""
        self.process.send_signal(signal.SIGTERM)
        told, _ = self.process.communicate(timeout=20)
        assert self.process.returncode == 0, self._log.read_text()
        summary: dict[str, Any] = json.loads(told)
        return summary


@contextmanager
def driving(
    folder: Path, settings: str, *options: str, env: dict[str, str] | None = None, stderr: int | None = None
) -> Iterator[Drive]:
    """Run one; it is gone at the end whatever became of it. stderr: where its words go instead of into a file."""
    drive = Drive(folder, settings, options, env, stderr)
    try:
        yield drive
    finally:
        if drive.process.poll() is None:
            drive.process.terminate()
            drive.process.send_signal(signal.SIGCONT)
            try:
                drive.process.communicate(timeout=20)
            except subprocess.TimeoutExpired:
                drive.process.kill()
                drive.process.communicate()
        assert drive.process.stdout is not None
        drive.process.stdout.close()
