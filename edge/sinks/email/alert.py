"""What is worth a mail, to whom, and what one mail is about."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from edge.sinks.base import Message
from edge.sinks.email.calls import Call
from edge.sinks.email.settings import Rules
from edge.types import ALARM, ENGINE, TAMPER, UNARMED

_AT_STAKE = frozenset({"pending", "triggered"})
SCENE, SCENE_S = 3, 120.0
"""How many objects are shown with the alarm itself, and how many seconds ago they may have been seen."""
PRESENT = 256
"""Of how many objects that were there before the alarm was armed that is remembered."""
Kind: TypeAlias = Literal["event", "night", "quiet"]
Payload: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """One alert in short. at: Unix time; object_id: whose pictures are its own, of those taken since a Unix time."""

    at: float
    camera: str
    label: str
    zones: tuple[str, ...]
    score: float
    object_id: str
    since: float = -math.inf


@dataclass(frozen=True, slots=True)
class Alert:
    """One mail to be sent: an event, and the others that it tells about as well.

    older: those others
    kind: what the mail is: about the event, the sum of quiet hours, or of what came before it got quiet
    since: of `quiet`: Unix time since which nothing was seen
    known: of `quiet`: what earlier mails have told of the same disturbance
    scene: of the alarm itself, which has no picture: what was seen just before
    call: why somebody may need help, where that is what it is about
    """

    message: Message
    older: tuple[Told, ...] = ()
    kind: Kind = "event"
    since: float = 0.0
    known: tuple[Told, ...] = ()
    scene: tuple[Told, ...] = ()
    call: Call | None = None

    @property
    def urgent(self) -> bool:
        """Whether it goes at once, and stays a mail of its own: the alarm itself, and a call for help."""
        return self.call is not None or self.told.label == ALARM

    @property
    def camera(self) -> str:
        """The camera that saw it."""
        return str(self.message.payload["after"]["camera"])

    @property
    def place(self) -> str:
        """What the throttle goes by, see `place_of`; it keeps no call back, and no call keeps back others."""
        return f"{self.camera} help" if self.call else place_of(self.message.payload)

    @property
    def object_id(self) -> str:
        """The object that it is about."""
        return str(self.message.payload["after"]["id"])

    @property
    def at(self) -> float:
        """When it happened, Unix time."""
        return float(self.message.payload["captured_at"])

    @property
    def told(self) -> Told:
        """Itself in short."""
        return in_short(self.message.payload)

    def telling(self, *others: Alert) -> Alert:
        """The same, telling about others as well."""
        more = [told for alert in others for told in (*alert.older, alert.told)]
        return replace(self, older=tuple(sorted((*self.older, *more), key=lambda told: told.at)))


def place_of(payload: Payload) -> str:
    """What the throttle goes by: the camera; apart from what it sees, that somebody meddles with it."""
    after = payload["after"]
    return f"{after['camera']} {TAMPER}" if after["label"] == TAMPER else str(after["camera"])


def in_short(payload: Payload) -> Told:
    """A stored event in short."""
    after = payload["after"]
    zones = dict.fromkeys((*after["current_zones"], *after["entered_zones"]))
    return Told(
        float(payload["captured_at"]), after["camera"], after["label"], tuple(zones), after["top_score"], after["id"]
    )


class Scene:
    """What was seen last of what these recipients may see. Not thread-safe."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._seen: dict[str, Told] = {}
        self._since: dict[str, float] = {}

    def see(self, payload: Payload) -> None:
        """Any event. Nobody is shown in a mail who was at home while the alarm was off, and no recipient is shown what
        they do not hear of otherwise."""
        told = in_short(payload)
        self._note(payload, told)
        if told.label in (ALARM, ENGINE) or not is_wanted({**payload, "type": "new"}, self._rules):
            return
        self._seen.pop(told.object_id, None)
        self._seen[told.object_id] = replace(told, since=self._since.get(told.object_id, -math.inf))
        if len(self._seen) > SCENE:
            del self._seen[next(iter(self._seen))]

    def _note(self, payload: Payload, told: Told) -> None:
        """Note of who was there before the alarm was armed since when they were seen armed."""
        since = self._since.get(told.object_id)
        if payload["armed"] in UNARMED:
            self._since.pop(told.object_id, None)
            self._since[told.object_id] = math.inf
            if len(self._since) > PRESENT:
                del self._since[next(iter(self._since))]
        elif since == math.inf:
            self._since[told.object_id] = told.at

    def before(self, at: float) -> tuple[Told, ...]:
        """What was seen shortly before a Unix time, oldest first."""
        return tuple(told for told in self._seen.values() if 0.0 <= at - told.at <= SCENE_S)


def is_urgent(payload: Payload) -> bool:
    """The alarm itself, and all that happens while it is triggered: no quiet hours for these."""
    return bool(payload["after"]["label"] == ALARM or payload["armed"] == "triggered")


def is_wanted(payload: Payload, rules: Rules) -> bool:
    """Whether a message begins what these recipients want a mail about.

    That is an object's `new`. Where zones are asked for it may be an `update` as well: objects mostly enter a zone
    after they were first seen. Whoever asks sees to it that an object is told once.
    """
    after, armed = payload["after"], payload["armed"]
    if payload.get("notify") is False or payload["type"] not in ("new", "update"):
        return False
    if after["label"] == ALARM:  # a panic button counts while disarmed too
        return bool(payload["type"] == "new")
    if armed in UNARMED or (rules.modes and armed not in _AT_STAKE and armed not in rules.modes):
        return False
    if rules.labels and after["label"] not in rules.labels:
        return False
    if after["label"] == ENGINE or after["label"] == TAMPER:  # in no zone; an engine at no camera either
        return bool(payload["type"] == "new") and (after["label"] == ENGINE or _within(after["camera"], rules.cameras))
    if not _within(after["camera"], rules.cameras):
        return False
    return is_within(payload, rules) if rules.zones else bool(payload["type"] == "new")


def is_within(payload: Payload, rules: Rules) -> bool:
    """Whether the object has been in one of the zones that are asked for."""
    after = payload["after"]
    return any(zone in rules.zones for zone in (*after["current_zones"], *after["entered_zones"]))


def _within(name: str, names: tuple[str, ...]) -> bool:
    return not names or name in names
