"""One camera of the running daemon: a reader thread, a pipeline thread, and what people see of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from edge import wiring
from edge.absence import Presence
from edge.board import Board
from edge.bodies import Bodies
from edge.both import AnyDetector
from edge.clock import Clock
from edge.config.schema import Camera, Model
from edge.evidence import picture
from edge.evidence.quality import quality
from edge.eyes import Eyes, Joints
from edge.keeping import Keeping
from edge.live import LiveView
from edge.memory import Memory
from edge.metrics import Stages
from edge.pipeline import Look, Stations, watch
from edge.reader import OFF, Reader
from edge.rules import Rules
from edge.sight import ViewState, blindness
from edge.states import States
from edge.supervisor import Part
from edge.switches import Switches
from edge.types import TAMPER, Box, Event, Frame

INFER_S = 20.0
"""How long a picture may take to be worked on before that is a fault."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every camera shares with the rest of the daemon.

    memory: what survives a restart; None keeps nothing
    clock_ok: whether the wall clock is set
    """

    board: Board
    clock: Clock
    boot_id: str
    armed: Callable[[], str]
    emit: Callable[[Event], Event | None]
    keeping: Keeping
    memory: Memory | None = None
    clock_ok: Callable[[], bool] = lambda: False


class CameraWatch:
    """Reads one camera and runs its pipeline. `read` and `work` are the bodies of its two threads.

    Args:
        settings: of this camera
        model: the configuration's `[model]`, for its thresholds
        detector: gives the one of this camera alone (a twin), called when it is first needed; None where motion alone
            is wanted
        around: what it shares
        switches: what its owner has switched on
        joints: what makes it look for people's joints

    Attributes:
        eyes: what it looks with; of any thread but for what its own says
    """

    def __init__(
        self,
        settings: Camera,
        model: Model,
        detector: Callable[[], AnyDetector] | None,
        around: Surroundings,
        switches: Switches,
        joints: Joints | None = None,
    ) -> None:
        self.name = settings.name
        self.switches = switches
        self.live = LiveView()
        self._settings, self._model, self._around = settings, model, around
        self.eyes = Eyes(self.name, detector, joints, switches)
        self._rules = Rules(
            self.name,
            around.boot_id,
            settings.labels,
            around.armed,
            model=self.eyes.ref,
            draw=self._draw,
            motion=lambda: switches.on("motion"),
            quality=quality,
            since=around.keeping.pictures_since,
        )
        self._ring = around.keeping.ring(self.name)
        self._stages = Stages()
        self._inferences = 0
        self._look: Look | None = None
        self._blind: str | None = None
        self._states = States(
            around.board,
            self.name,
            settings.objects,
            counting=detector is not None,
            zones=[zone.name for zone in settings.zone],
            poses=joints is not None,
        )
        self._nuisance = wiring.nuisance_of(settings, around.memory, lambda: (around.clock.wall(), around.clock_ok()))
        keeping, self._recorder = around.keeping, around.keeping.recorder()
        draw, memory = keeping.of_view(self._draw), keeping.views(around.memory, self.name)
        self._tamper = wiring.tamper_of(settings, around.boot_id, around.armed, self._states.tamper, draw, memory)
        self._view = ViewState(self._tamper, self._states.tamper)
        self._reader = Reader(settings, switches, around.clock, self._ring, self._states.status)
        self._states.pictures(switches.on("snapshots"))
        switches.listen(self._switched)

    def read(self, part: Part) -> None:
        """The reader's thread: pictures into the slot while the camera is switched on, until the part stops; raises
        CameraError when the camera goes away, to be called again."""
        self._reader.read(part)

    def close(self) -> None:
        """No further frame: the pipeline ends what it follows and stops. Any thread."""
        self._reader.close()

    def work(self, part: Part) -> None:
        """The pipeline's thread, until the slot is closed."""
        try:
            while not self._reader.slot.closed:
                if self._reader.wanted:
                    self._watch(part)
                else:
                    part.waiting(float("inf"), OFF)
                    self.switches.rest("motion")
                    self._reader.wait(part, on=True)
        finally:
            self.eyes.close()

    def _watch(self, part: Part) -> None:
        """Run one pipeline, until its models or its rules are to be others."""
        try:
            settings, detector = self._settings, self.eyes.detector(part)
            bodies = self.eyes.bodies(part, settings) if detector is not None else None
            scene = wiring.scene_of(settings)
            self._rules.redraw(scene)
            stations = Stations(
                wiring.gate_of(settings),
                wiring.masked(detector, settings),
                wiring.tracker_of(settings, self._model, detector),
                self._rules,
                self._nuisance,
                self._tamper,
                self._around.keeping.veil(
                    detecting=detector is not None, outlines=[zone.points for zone in scene.zones]
                ),
                self._around.keeping.bare,
                bodies=bodies,
            )
            frames = self._frames(part, settings, detector, bodies)
            watch(frames, stations, self.tell, self._show, self._stages)
        finally:
            self._states.nobody()
            self.eyes.rest()
            if self._recorder is not None:
                self._recorder.close()

    def redraw(self, settings: Camera) -> None:
        """Go on with other rules, see `redrawn`, from the next frame on: what is followed ends. Any thread."""
        self._settings = settings

    def dismiss(self, box: Box, frame_size: tuple[int, int]) -> bool:
        """The owner says that what was told of this place was nothing; False if it is too large. Any thread."""
        return self._nuisance.dismiss(box, frame_size)

    def restore(self, box: Box, frame_size: tuple[int, int]) -> None:
        """The owner takes that back. Any thread."""
        self._nuisance.restore(box, frame_size)

    def accept_view(self) -> None:
        """The owner says that the camera looks where it should: its view as it is now is the right one. Any thread."""
        self._view.accept()

    def restore_view(self) -> None:
        """The owner takes that back, or says it of a view that was taken for right since it stayed. Any thread."""
        self._view.take_back()

    def blindness(self) -> str | None:
        """Why it does not see what it is to see, as an adjective; None while it does. Any thread."""
        detecting = self.eyes.blind or self.switches.on("detect")
        return blindness(self._reader, self._tamper, looking=self._blind is None, detecting=detecting)

    @property
    def presence(self) -> Presence:
        """Whether pictures come; `off` where none are wanted, and where nobody watches over its view. Any thread."""
        status = self._reader.status
        if self._tamper is None or self._reader.ended or status == "disabled":
            return "off"
        return "here" if status == "online" else "away"

    @property
    def silent(self) -> bool:
        """Whether its owner wants no mail of it. Any thread."""
        return not self.switches.on("notifications")

    def last(self) -> tuple[Frame, bytes | None] | None:
        """The newest picture and its JPEG where one is wanted; None without one, and of the disarmed time where that is
        not told. Any thread."""
        look = self._look
        if look is None or look.frame.time < self._around.keeping.pictures_since():
            return None
        w, h = look.frame.size
        return look.frame, self._draw(look.frame, (0.0, 0.0, float(w), float(h)), TAMPER, 1.0)

    def lost(self, lost: bool) -> None:
        """Whether it counts as lost, for its states. Any thread."""
        self._view.lost(lost)

    def tell(self, event: Event) -> None:
        """Emit an event about it, as its switches are. Any thread."""
        told = self._around.emit(event if self.switches.on("notifications") else replace(event, notify=False))
        if told is not None and self._around.keeping.pictures_leave:
            self._states.picture(told)

    def status(self) -> dict[str, Any]:
        """What the page and `edge status` show of this camera."""
        look = self._look
        stages = self._stages.summary()
        return {
            "name": self.name,
            "status": self._reader.status,
            "switches": self.switches.states(),
            "stay_off": self.switches.stay_off(),
            "reason": self._reader.reason or self._blind,
            "source": self._settings.shown,
            "fps": self._reader.fps,
            "size": list(look.frame.size) if look else None,
            "frames": self._reader.frames,
            "dropped": self._reader.slot.dropped,
            "inferences": self._inferences,
            "motion": self._states.moving,
            **self._view.status(),
            "blind": self.blindness(),
            "pose": self.eyes.pose_status(),
            "tracks": len([track for track in look.tracks if track.confirmed]) if look else 0,
            "clips": None if self._ring is None else self._ring.status(),
            "stage_ms": {name: {"p50": s["p50"], "p95": s["p95"]} for name, s in stages.items()},
        }

    def _frames(
        self, part: Part, settings: Camera, detector: AnyDetector | None, bodies: Bodies | None
    ) -> Iterator[Frame]:
        """The newest frames until the slot is closed, the camera is lost, other models are wanted or there are other
        rules; says on the way that the pipeline lives."""
        slot, lost = self._reader.slot, self._reader.lost
        while not (slot.closed or lost.is_set() or self._settings is not settings):
            if self.eyes.changed(detector, bodies):
                break
            self.switches.begin("motion")
            frame = slot.take(1.0)
            if frame is not None:
                part.expect(INFER_S)
                yield frame
                part.working(INFER_S)
                self._blind = None
                continue
            part.waiting(INFER_S, "no picture")
            self._states.still(self._around.clock.monotonic())
        if lost.is_set():
            part.waiting(INFER_S, "no picture")
            slot.take(0.0)  # what came before the loss is no picture of now
            if not self.switches.wanted("enabled"):
                self._look = None
                self.live.clear()
            lost.clear()

    def _draw(self, frame: Frame, box: Box, label: str, score: float) -> bytes | None:
        return picture.snapshot(frame, box, label, score) if self.switches.on("snapshots") else None

    def _switched(self, name: str, on: bool) -> None:
        if name == "snapshots":
            self._states.pictures(on)

    def _show(self, look: Look) -> None:
        """What people see of a frame: the states that follow from it, and the live picture."""
        self._look = look
        self._inferences += look.inferred
        self._states.show(look, motion=self.switches.on("motion"))
        self.live.show(look)
        if self._recorder is not None:
            self._recorder.look(look.frame, look.ids)

    def blind(self, reason: str) -> None:
        """The pipeline failed: pictures come, and nobody looks at them."""
        self._blind = f"nothing is looked at: {reason}"

    def away(self, reason: str) -> None:
        """The camera is gone: say so, and have the pipeline end what it was following."""
        self._reader.away(reason)
