"""A camera of the daemon with its two threads: switched off and on while it works, waits, or has nothing to give."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from edge.board import Board
from edge.camera import CameraWatch, Surroundings
from edge.clock import SystemClock
from edge.config.schema import Camera, Config, Model, Node
from edge.detector import Detector
from edge.errors import EngineError, MissingError
from edge.eyes import Eyes
from edge.keeping import Keeping
from edge.nuisance import Nuisance
from edge.rules import Rules
from edge.supervisor import Supervisor
from edge.switches import Panel
from edge.types import Event
from tests.capture.test_sources import write_clip
from tests.support.broker import eventually, free_port
from tests.support.stand_ins import Memory


@dataclass
class Watched:
    """A camera at work."""

    watch: CameraWatch
    board: Board
    memory: Memory
    events: list[Event] = field(default_factory=list)

    def say(self, name: str, on: bool) -> None:
        self.watch.switches.set(name, on, "test")  # type: ignore[arg-type]

    def status(self) -> str:
        told = self.board.get(f"{self.watch.name}/status")
        assert told is not None
        return told


@contextmanager
def watched(source: str, detector: Callable[[], Detector] | None = None, **given: object) -> Iterator[Watched]:
    labels = ("motion",) if detector is None else ("person",)
    camera = Camera.model_validate({"name": "hall", "source": source, "labels": labels, **given})
    board, events, supervisor, clock = Board(), list[Event](), Supervisor(), SystemClock()

    def emit(event: Event) -> Event:
        events.append(event)
        return event

    config = Config(camera=(camera,), node=Node(name="n", data=Path("nowhere")))
    keeping = Keeping(config, clock, lambda: True, lambda: "disarmed")
    memory = Memory()
    around = Surroundings(board, clock, "boot", lambda: "disarmed", emit, keeping, memory)
    watch = CameraWatch(camera, Model(), detector, around, Panel([camera], board, Memory())["hall"])
    parts = [
        supervisor.start("reader", watch.read, watch.away),
        supervisor.start("pipeline", watch.work, watch.blind),
    ]
    try:
        yield Watched(watch, board, memory, events)
    finally:
        begun = time.monotonic()
        watch.close()
        supervisor.stop(parts, 5.0)
        assert time.monotonic() - begun < 2, "it did not stop in time"
        assert not supervisor.late()


def test_a_camera_that_is_away_is_switched_off_at_once_and_tried_again_when_on() -> None:
    with watched(f"rtsp://127.0.0.1:{free_port()}/x") as here:
        eventually(lambda: "refused" in (here.watch.status()["reason"] or ""))
        assert here.status() == "offline"
        here.say("enabled", False)
        eventually(lambda: here.status() == "disabled")
        assert here.watch.status()["reason"] == "switched off"
        time.sleep(1.5)  # the pause between its tries is over, and it is not tried
        assert here.status() == "disabled"
        assert here.watch.status()["reason"] == "switched off"
        here.say("enabled", True)
        eventually(lambda: "refused" in (here.watch.status()["reason"] or ""))
        assert here.status() == "offline"


def test_a_clip_that_has_ended_plays_again_when_it_is_switched_off_and_on(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "short.mp4", frames=5)
    with watched(f"file:{clip}") as here:
        eventually(lambda: here.watch.status()["reason"] == "the clip has ended")
        assert (here.status(), here.watch.status()["frames"]) == ("offline", 5)
        here.say("enabled", False)
        eventually(lambda: here.status() == "disabled")
        here.say("enabled", True)
        eventually(lambda: here.watch.status()["frames"] == 10)
        eventually(lambda: here.watch.status()["reason"] == "the clip has ended")


def test_a_camera_that_begins_switched_off_opens_nothing() -> None:
    with watched("synthetic:", enabled=False) as here:
        assert here.status() == "disabled"
        assert here.watch.status()["reason"] == "switched off"
        time.sleep(0.3)
        assert here.watch.status()["frames"] == 0
        here.say("enabled", True)
        eventually(lambda: here.status() == "online")


def test_a_camera_that_is_switched_off_shows_nothing_of_before(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = Rules.judge

    def slow(*given: Any) -> list[Event]:
        """As long as an inference on a small board."""
        time.sleep(0.2)
        return judge(*given)

    monkeypatch.setattr(Rules, "judge", slow)
    with watched("synthetic:") as here:
        eventually(lambda: here.board.get("hall/motion") == "ON", 15)
        here.say("enabled", False)
        eventually(lambda: here.watch.live.latest(-1, 0.0) is None)
        assert here.watch.status()["size"] is None
        eventually(lambda: here.board.get("hall/motion") == "OFF", 3)


def test_what_the_owner_says_of_a_place_and_takes_back_is_kept_within_a_frame_or_two() -> None:
    with watched("synthetic:") as here:

        def deaf() -> bool:
            return bool(Nuisance(memory=here.memory, camera="hall").deaf.any())

        assert here.watch.dismiss((10.0, 10.0, 100.0, 100.0), (640, 480))
        eventually(deaf)
        here.watch.restore((10.0, 10.0, 100.0, 100.0), (640, 480))
        eventually(lambda: not deaf())
        assert not here.watch.dismiss((0.0, 0.0, 640.0, 480.0), (640, 480))


def test_other_rules_take_over_while_the_camera_goes_on_being_read() -> None:
    everywhere = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    with watched("synthetic:") as here:
        eventually(lambda: here.board.get("hall/motion") == "ON", 15)
        first = eventually(lambda: [event.after.id for event in here.events])
        settings = Camera.model_validate({"name": "hall", "source": "synthetic:", "labels": ("motion",)})
        here.watch.redraw(settings.model_copy(update={"motion_mask": (everywhere,)}))
        eventually(lambda: here.board.get("hall/motion") == "OFF")
        frames = here.watch.status()["frames"]
        eventually(lambda: here.watch.status()["frames"] > frames + 10)
        assert here.board.get("hall/motion") == "OFF"
        assert here.status() == "online"
        assert [event.type for event in here.events if event.after.id == first[0]][-1] == "end"
        here.watch.redraw(settings)
        eventually(lambda: here.board.get("hall/motion") == "ON", 15)
        assert eventually(lambda: [event for event in here.events if event.after.id not in first])


def test_off_and_on_faster_than_it_can_follow_ends_as_it_was_said_last() -> None:
    with watched("synthetic:") as here:
        eventually(lambda: here.status() == "online")
        for _ in range(50):
            here.say("enabled", False)
            here.say("enabled", True)
        eventually(lambda: here.status() == "online" and here.watch.status()["fps"] > 0)
        frames = here.watch.status()["frames"]
        eventually(lambda: here.watch.status()["frames"] > frames)
        for _ in range(50):
            here.say("enabled", True)
            here.say("enabled", False)
        eventually(lambda: here.status() == "disabled")
        assert here.board.get("hall/enabled/state") == "OFF"


def test_a_model_that_cannot_be_loaded_is_said_and_the_camera_goes_on() -> None:
    asked: list[float] = []

    def absent() -> Detector:
        asked.append(time.monotonic())
        raise MissingError("no engine here")

    with watched("synthetic:", absent, enabled=False) as here:
        time.sleep(0.3)
        assert not asked
        here.say("enabled", True)
        eventually(lambda: here.status() == "online")
        eventually(lambda: here.watch.status()["reason"] == "nothing is looked at: no engine here")
        here.say("detect", False)
        eventually(lambda: here.board.get("hall/detect/state") == "OFF")
        eventually(lambda: here.watch.status()["reason"] is None, 15)  # motion is looked at again


@pytest.mark.parametrize("name", ["notifications", "snapshots"])
def test_what_no_part_stands_behind_is_true_at_once(name: str) -> None:
    with watched("synthetic:") as here:
        here.say(name, False)
        assert here.board.get(f"hall/{name}/state") == "OFF"


def test_snapshots_off_take_the_retained_pictures_along() -> None:
    with watched("synthetic:") as here:
        assert here.board.get("hall/motion/snapshot") != ""
        here.say("snapshots", False)
        assert here.board.get("hall/motion/snapshot") == ""


def test_what_it_looks_with_is_given_back_by_its_own_thread_at_its_end_and_when_it_fell_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed: list[str] = []
    close, faults = Eyes.close, ["the engine has gone"]

    def noted(eyes: Eyes) -> None:
        closed.append(threading.current_thread().name)
        close(eyes)

    def judged(rules: Rules, *given: Any) -> list[Event]:
        if faults:
            raise EngineError(faults.pop())
        return []

    monkeypatch.setattr(Eyes, "close", noted)
    monkeypatch.setattr(Rules, "judge", judged)
    with watched("synthetic:") as here:
        eventually(lambda: len(closed) == 1)
        eventually(lambda: here.watch.status()["size"] is not None)
        assert len(closed) == 1
    assert closed == ["pipeline", "pipeline"]
