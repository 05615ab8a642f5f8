"""What is retained about one camera, as its frames change it: motion, counts, status, the newest picture of a label."""

from __future__ import annotations

import logging
import math
import threading
from collections import Counter
from collections.abc import Iterable, Sequence

from edge.board import Board
from edge.errors import StorageError
from edge.memory import Memory
from edge.pipeline import Look
from edge.rules import Bearing
from edge.types import MOTION, TAMPER, Event

log = logging.getLogger(__name__)

QUIET_S = 1.5
"""How long the `motion` state stays ON after the last motion, so that it does not flicker."""
POSTURES = ("none", "standing", "sitting", "lying", "fallen")
"""Of several people the last of these is told."""
SHOWN = {"standing": "standing", "bending": "standing", "sitting": "sitting", "crouching": "sitting", "lying": "lying"}
"""What the topic knows of a posture."""
PSEUDO = frozenset({MOTION, TAMPER})
"""Labels of what is no object and has pictures all the same."""


class States:
    """Writes a camera's states to the board. Called by its reader and its pipeline; the board is thread-safe.

    Args:
        board: where they go
        camera: its name
        labels: what has a count from the start, since the broker may still hold what an earlier run counted
        counting: whether there are counts at all; motion alone has none
        zones: names of its zones, each with counts of its own
        poses: whether there is a posture
        memory: keeps whether somebody has fallen, for the next run
    """

    def __init__(
        self,
        board: Board,
        camera: str,
        labels: Iterable[str],
        *,
        counting: bool,
        zones: Sequence[str] = (),
        poses: bool = False,
        memory: Memory | None = None,
    ) -> None:
        self._board, self._camera, self._counting, self._poses = board, camera, counting, poses
        self._zones = tuple(zones)
        self._counted = set(labels)
        self._picturing, self._with_pictures = threading.Lock(), True
        self._memory = memory
        self._still_down = poses and self._fell_before()
        self.nobody()

    @property
    def moving(self) -> bool:
        """Whether the motion state is ON."""
        return self._board.get(f"{self._camera}/motion") == "ON"

    def status(self, status: str) -> None:
        """`online`, `offline` or `disabled`; a camera that is not online shows no motion."""
        self._set("status", status)
        if status != "online":
            self._set("motion", "OFF")

    def show(self, look: Look, *, motion: bool = True, poses: bool = True) -> None:
        """The states that follow from a frame. motion: whether motion is wanted; else it is OFF. poses: whether joints
        are looked at: while they are not, that nobody has fallen says nothing."""
        if look.moved:
            self._moved_at = look.frame.time
        moving = motion and look.frame.time - self._moved_at <= QUIET_S
        self._set("motion", "ON" if moving else "OFF")
        believed = [track for track in look.tracks if track.number in look.zones]
        inside = Counter((zone, track.label) for track in believed for zone in look.zones[track.number])
        self._count(Counter(track.label for track in believed), inside, len(believed))
        if self._poses:
            self._postures(look)
            self._set("pose/available", "online" if poses else "offline")

    def tamper(self, state: str) -> None:
        """`none`, or what was done to the camera's view."""
        self._set("tamper", state)

    def still(self, now: float) -> None:
        """No frame has come up to `now`, on the pipeline's clock: motion ends all the same."""
        if now - self._moved_at > QUIET_S:
            self._set("motion", "OFF")

    def nobody(self) -> None:
        """Nothing is followed any more: motion and the counts say so, whatever was shown after the camera's status."""
        self._moved_at = -math.inf
        self._set("motion", "OFF")
        self._count(Counter(), Counter(), 0)
        self._bearings: dict[int, Bearing] = {}
        if self._poses:
            self._set("pose/available", "offline")
            self._still_down |= self._board.get(f"{self._camera}/posture") == "fallen"
            self._posture(0)

    def picture(self, event: Event) -> None:
        """The picture of an event is the newest of its label."""
        with self._picturing:
            if event.jpeg is not None and self._with_pictures:
                self._set(f"{event.after.label}/snapshot", event.jpeg, qos=0)

    def pictures(self, wanted: bool) -> None:
        """Whether there are to be pictures; where not, those of earlier runs, which a broker may hold, go as well."""
        with self._picturing:
            self._with_pictures = wanted
            for label in () if wanted else sorted(PSEUDO | self._counted):
                self._set(f"{label}/snapshot", b"")  # an empty one is none (MQTT 5, 3.3.1.3)

    def _postures(self, look: Look) -> None:
        """Tell the gravest posture of those who are believed; one that nobody knows keeps what it was."""
        self._bearings = {number: self._bearings.get(number, Bearing()) for number in look.bodies}
        gravest = 0
        for number, bearing in self._bearings.items():
            bearing.look(look.bodies[number], look.frame.time)
            if number in look.zones:
                activity = bearing.activity
                fallen = activity is not None and activity.kind == "fall" and activity.confirmed
                posture = "fallen" if fallen else SHOWN.get(bearing.posture, "none")
                gravest = max(gravest, POSTURES.index(posture))
        self._posture(gravest)

    def _posture(self, gravest: int) -> None:
        """Tell a posture. Somebody who had fallen when the pipeline, or an earlier run, ended has until somebody is
        known again: whoever lies still is not found anew, and that nobody lies there would be a lie."""
        if self._still_down and gravest == 0:
            self._set("posture", "fallen")
            return
        self._still_down = False
        before, now = self._board.get(f"{self._camera}/posture"), POSTURES[gravest]
        self._set("posture", now)
        if self._memory is not None and (before == "fallen") != (now == "fallen"):
            self._memory.note(self._key, "yes" if now == "fallen" else "")

    def _fell_before(self) -> bool:
        if self._memory is None:
            return False
        try:
            return self._memory.recall(self._key) == "yes"
        except StorageError as fault:
            log.warning("%s: whether somebody had fallen cannot be read: %s", self._camera, fault)
            return False

    @property
    def _key(self) -> str:
        return f"fallen/{self._camera}"

    def _count(self, labels: Counter[str], inside: Counter[tuple[str, str]], total: int) -> None:
        """Tell how many there are of each label, in the picture and in each zone (keys zone, label)."""
        self._counted |= labels.keys()
        for label in self._counted:
            self._set(label, labels[label], qos=0)
            for zone in self._zones:
                self._board.set(f"{zone}/{label}", inside[zone, label], qos=0)
        if self._counting:
            self._set("all", total, qos=0)

    def _set(self, topic: str, value: str | int | bytes, *, qos: int = 1) -> None:
        self._board.set(f"{self._camera}/{topic}", value, qos=qos)
