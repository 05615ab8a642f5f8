"""When an alert is mailed, and together with which others: throttle, pictures to come, quiet hours, quiet again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from edge import hours
from edge.sinks.email.alert import Alert, Kind, Payload, Told, is_urgent, place_of
from edge.sinks.email.settings import EmailSettings

REMEMBERED = 200
"""Alerts of one disturbance that were mailed already and that its summary counts as well."""


@dataclass(frozen=True, slots=True)
class Now:
    """One moment on both clocks. clock_ok: the wall clock is synchronised."""

    monotonic: float
    wall: float
    clock_ok: bool = True


@dataclass(slots=True)
class _Place:
    """What is known of one camera, and of tampering with it apart from that.

    mailed: time of the alert that was mailed last, by the events' own clock
    held: alerts that the throttle keeps back
    known: alerts of the disturbance that mails have told already
    active: objects that are there and move
    seen: when the last of them was seen
    """

    mailed: float | None = None
    held: list[Alert] = field(default_factory=list)
    known: list[Told] = field(default_factory=list)
    active: set[str] = field(default_factory=set)
    seen: float = 0.0


class Desk:
    """Alerts that are not to be mailed yet. Not thread-safe; knows no clock and sends nothing.

    Args:
        settings: throttle, gather, quiet_after, waiting, and the quiet hours of its rules
        join: told whenever one alert takes others in: their ids, and the id of the one that tells about them now
        mailed: when each place was mailed about last, from an earlier run
    """

    def __init__(
        self,
        settings: EmailSettings,
        join: Callable[[Sequence[int], int], None],
        mailed: dict[str, float] | None = None,
    ) -> None:
        self._settings = settings
        self._join = join
        self._places = {place: _Place(at, seen=at) for place, at in (mailed or {}).items()}
        self._gathering: dict[int, tuple[float, Alert]] = {}
        self._night: list[Alert] = []
        self._morning = 0.0

    @property
    def empty(self) -> bool:
        """Nothing waits."""
        return not (self._gathering or self._night or any(place.held for place in self._places.values()))

    def take(self, alert: Alert, now: Now) -> list[Alert]:
        """Take an alert in; returns the mails that it makes due at once."""
        payload = alert.message.payload
        if alert.urgent:
            return [alert]
        if not is_urgent(payload) and payload["clock_ok"] and now.clock_ok:
            morning = hours.end(self._settings.rules.quiet_hours, alert.at, self._settings.zone)
            if morning is not None:
                self._morning = max(self._morning, morning)
                self._keep(self._night, alert)
                return []
        place = self._places.setdefault(alert.place, _Place())
        # A clock that was set back must not silence a camera.
        if place.mailed is not None and 0.0 <= alert.at - place.mailed < self._settings.throttle:
            self._keep(place.held, alert)
            return []
        place.mailed = alert.at
        if self._settings.gather > 0.0:
            # By the wall clock it may have waited through a restart; one that jumped makes the wait no longer.
            left = min(max(self._settings.gather - (now.wall - alert.at), 0.0), self._settings.gather)
            self._gathering[alert.message.id] = now.monotonic + left, alert
            return []
        return [self._mail(place, alert)]

    def see(self, payload: Payload) -> None:
        """Any event of any object, in order: there are no more pictures to come, and a camera is quiet, or not."""
        after, object_id = payload["after"], str(payload["after"]["id"])
        place = self._places.setdefault(place_of(payload), _Place())
        place.active.discard(object_id)
        if not after["stationary"]:
            place.seen = float(payload["captured_at"])
            if payload["type"] != "end":
                place.active.add(object_id)
        if payload["type"] == "end":
            for number, (_, alert) in self._gathering.items():
                if alert.object_id == object_id:
                    self._gathering[number] = 0.0, alert

    def due(self, now: Now) -> list[Alert]:
        """The mails whose time has come; they are not here any more."""
        found = []
        for number, (when, alert) in tuple(self._gathering.items()):
            if when <= now.monotonic:
                del self._gathering[number]
                found.append(self._mail(self._places[alert.place], alert))
        if self._night and not (now.clock_ok and now.wall < self._morning):
            found.append(self._joined(self._night, "night"))
            self._morning = 0.0
        for name, place in self._places.items():
            gathering = any(alert.place == name for _, alert in self._gathering.values())
            if place.held and not gathering and (kind := self._kind_due(place, now)) is not None:
                mail = replace(self._joined(place.held, kind), since=place.seen, known=tuple(place.known))
                place.mailed = now.wall
                self._tell(place, mail)
                found.append(mail)
        return found

    def wait(self, now: Now) -> float:
        """Seconds until the next picture need not be waited for any more; what else waits can wait a second more."""
        return min((when - now.monotonic for when, _ in self._gathering.values()), default=float("inf"))

    def _kind_due(self, place: _Place, now: Now) -> Kind | None:
        """What the mail about a camera's held-back alerts is now; None while they are to wait."""
        settings = self._settings
        passed = now.wall - (place.mailed or 0.0)
        if 0.0 <= passed < settings.throttle:
            return None
        if settings.quiet_after <= 0.0 or not 0.0 <= passed < settings.throttle + settings.quiet_after:
            return "event"
        return "quiet" if not place.active and now.wall - place.seen >= settings.quiet_after else None

    def _keep(self, waiting: list[Alert], alert: Alert) -> None:
        """Let it wait with the others; many of them become one, so that a long night does not fill the memory."""
        waiting.append(alert)
        if len(waiting) > self._settings.waiting:
            waiting[:] = [self._joined(waiting, "event")]

    def _mail(self, place: _Place, alert: Alert) -> Alert:
        """The mail of an alert whose turn it is, with all that its camera held back until now."""
        others, place.held = place.held, []
        mail = self._together(alert, others)
        self._tell(place, mail)
        return mail

    def _tell(self, place: _Place, mail: Alert) -> None:
        """These are told; what was told before the camera was quiet is another story."""
        told = [*mail.older, mail.told]
        if place.known and told[0].at - place.known[-1].at > max(self._settings.quiet_after, self._settings.throttle):
            place.known.clear()
        place.known = [*place.known, *told][-REMEMBERED:] if self._settings.quiet_after > 0.0 else []

    def _joined(self, waiting: list[Alert], kind: Kind) -> Alert:
        """All that wait in one, the newest; the list is empty afterwards."""
        *older, newest = waiting
        waiting.clear()
        return replace(self._together(newest, older), kind=kind)

    def _together(self, alert: Alert, others: Sequence[Alert]) -> Alert:
        if others:
            self._join([other.message.id for other in others], alert.message.id)
        return alert.telling(*others)
