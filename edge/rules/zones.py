"""In which zones one object is, with inertia: a box that trembles on a border enters and leaves nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge.rules.scene import Shape, Zone


@dataclass(slots=True)
class _Stay:
    """An object and one zone.

    inside: whether it has entered
    other: looks in a row that say otherwise
    turned: time of the first of them
    since: time of the first look of the stay
    """

    inside: bool = False
    other: int = 0
    turned: float = 0.0
    since: float = 0.0


class Stays:
    """One object's stay in each zone of a camera.

    current: names of the zones in which it is
    entered: of those in which it ever was, in the order of entering
    loitered: of those in which it once stayed for their `loiter_s`
    """

    __slots__ = ("_stays", "_zones", "current", "entered", "loitered")

    def __init__(self, zones: Sequence[Zone]) -> None:
        self._zones = tuple(zones)
        self._stays = [_Stay() for _ in zones]
        self.current: tuple[str, ...] = ()
        self.entered: tuple[str, ...] = ()
        self.loitered: tuple[str, ...] = ()

    @property
    def settled(self) -> bool:
        """False while the object may be about to enter a zone: the looks so far say so, and are too few."""
        return not any(stay.other and not stay.inside for stay in self._stays)

    def look(self, label: str, shape: Shape, place: tuple[float, float], time: float) -> None:
        """Take in where the object was seen: place is its bottom centre, 0..1 of the frame."""
        for zone, stay in zip(self._zones, self._stays, strict=True):
            inside = zone.counts(label, shape) and zone.holds(*place)
            if inside == stay.inside:
                stay.other = 0
                continue
            if stay.other == 0:
                stay.turned = time
            stay.other += 1
            if stay.other >= zone.inertia:
                stay.inside, stay.other, stay.since = inside, 0, stay.turned
        self.current = tuple(zone.name for zone, stay in zip(self._zones, self._stays, strict=True) if stay.inside)
        self.entered = tuple(dict.fromkeys(self.entered + self.current))
        self.wait(time)

    def wait(self, time: float) -> None:
        """Time has gone on, and nothing says that the object has moved."""
        for zone, stay in zip(self._zones, self._stays, strict=True):
            if (
                zone.loiter_s is not None
                and stay.inside
                and time - stay.since >= zone.loiter_s - 1e-6
                and zone.name not in self.loitered
            ):
                self.loitered += (zone.name,)
