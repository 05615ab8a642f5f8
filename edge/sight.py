"""Which cameras cannot see while the alarm counts on them: said at arming, and as long as it is so.

Arming is never refused for it. Most of a house armed is better than none, a schedule has nobody to ask, and whoever
arms by phone may be far from the camera. But it is said where the order came from, and to everybody else.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from edge.board import Board
from edge.config.schema import Config
from edge.tamper import Tamper
from edge.types import LOST

TOPIC = "alarm/blind"
STARTING = "starting"
EXPECTED = frozenset({"dark", STARTING})
"""What is no news at arming: a room in which the light is off, and a camera that was not looked at yet."""


class Reading(Protocol):
    """How a camera's pictures come."""

    @property
    def status(self) -> str:
        """`online`, `offline` or `disabled`."""
        ...

    @property
    def reason(self) -> str | None:
        """Why there are none; None while there are some."""
        ...


class Camera(Protocol):
    """A camera that may be blind."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    def blindness(self) -> str | None:
        """Why it does not see what it is to see, as an adjective; None while it does."""
        ...


def blindness(reading: Reading, tamper: Tamper | None, *, looking: bool, detecting: bool) -> str | None:
    """Why a camera does not see what it is to see, as an adjective; None while it does.

    Args:
        reading: its pictures
        tamper: its view; None where nobody watches over that
        looking: whether its pictures are looked at
        detecting: whether what it looks for is looked for
    """
    if reading.status == "disabled":
        return "switched off"
    if reading.reason == STARTING:
        return STARTING
    if reading.status != "online" or not looking:
        return "offline" if reading.status != "online" else "not looked at"
    if not detecting:
        return "not detecting"
    if tamper is None or (tamper.state == "none" and not tamper.unsure):
        return None
    if tamper.state != "none":
        return tamper.state
    return "not recognised" if tamper.strange else STARTING


def view_of(tamper: Tamper) -> dict[str, Any]:
    """Which view counts as right, JSON-ready: `since` (Unix time) and `by` (`start`, `time`, `owner`), None without
    one; `recognised`, whether it was seen since the start."""
    since, by = tamper.accepted or (None, None)
    return {"since": since, "by": by, "recognised": not tamper.unsure}


class ViewState:
    """What is the matter with a camera's view, for whoever is told of it. Any thread.

    Args:
        tamper: watches over it; None where nobody does
        tell: told the word of `state` when it may have changed
    """

    def __init__(self, tamper: Tamper | None, tell: Callable[[str], None]) -> None:
        self.tamper, self._tell = tamper, tell
        self._lost = False
        if tamper is not None:
            tell(tamper.state)  # the broker may still hold what an earlier run saw

    @property
    def state(self) -> str:
        """`none`, or what is the matter."""
        return LOST if self._lost else "none" if self.tamper is None else self.tamper.state

    def lost(self, lost: bool) -> None:
        """Whether the camera counts as lost."""
        self._lost = lost
        self._tell(self.state)

    def accept(self) -> None:
        """The owner says that the camera looks where it should: its view as it is now is the right one."""
        if self.tamper is not None:
            self.tamper.accept()

    def take_back(self) -> None:
        """The owner takes that back, or says it of a view that was taken for right since it stayed."""
        if self.tamper is not None:
            self.tamper.take_back()

    def status(self) -> dict[str, Any]:
        """Of the camera's status: `tamper` and `view`, None where nobody watches over it."""
        watched = self.tamper
        return {"tamper": watched and self.state, "view": watched and view_of(watched)}


class Sight:
    """Watches which cameras are blind. `tick` is for one thread, the rest for any.

    Args:
        config: says in which modes a camera counts
        cameras: those that are watched; more may join while the daemon starts
        alarm: its state and the mode behind that, None for disarmed
        board: gets `alarm/blind`
        tell: told, as words, what is blind where the alarm has just been armed; must not block
    """

    def __init__(
        self,
        config: Config,
        cameras: Sequence[Camera],
        mode: Callable[[], str | None],
        board: Board,
        tell: Callable[[str], None],
    ) -> None:
        self._modes = modes_of(config)
        self._cameras, self._mode, self._board, self._tell = cameras, mode, board, tell
        self._lock = threading.Lock()
        self._armed = mode()
        self._untold = False
        board.set(TOPIC, "none")

    def blind(self) -> list[dict[str, str]]:
        """The cameras that cannot see and count in the mode of now, while disarmed in any: `{"camera", "why"}` each."""
        mode = self._mode() or "any"
        wanted = [each for each in self._cameras if mode in self._modes[each.name]]
        found = [(each.name, each.blindness()) for each in wanted]
        return [{"camera": name, "why": why} for name, why in found if why is not None]

    def tick(self) -> None:
        """Tell what has changed; to be called about once a second."""
        mode, blind = self._mode(), self.blind()
        self._board.set(TOPIC, said(blind) or "none")
        if mode != self._armed:
            self._armed, self._untold = mode, mode is not None
        # Who arms as the cameras start is told once it is known what they see.
        if self._untold and not any(each["why"] == STARTING for each in blind):
            self._untold = False
            if found := said(each for each in blind if each["why"] not in EXPECTED):
                self._tell(found)


def said(blind: Iterable[Mapping[str, str]]) -> str:
    """In words: `hall is covered, yard is offline`; empty for none."""
    return ", ".join(f"{each['camera']} is {each['why']}" for each in blind)


def modes_of(config: Config) -> dict[str, frozenset[str]]:
    """In which modes each camera counts, by itself or with one of its zones; `any` where there is one."""
    found: dict[str, frozenset[str]] = {}
    for camera in config.camera:
        zones = (camera.alarm_modes if zone.alarm_modes is None else zone.alarm_modes for zone in camera.zone)
        modes = frozenset[str](camera.alarm_modes).union(*zones)
        found[camera.name] = modes | {"any"} if modes else modes
    return found
