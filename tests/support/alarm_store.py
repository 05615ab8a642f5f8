"""A world for the alarm that a test rules: its clocks, a disk that can be full or slow, a board, and power cuts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from edge.alarm import Alarm, AlarmSettings, World
from edge.errors import StorageError
from edge.types import AuditEntry, Event, Sighting


class SetClock:
    """Clocks that move when they are told to."""

    def __init__(self, mono: float = 100.0, wall: float = 1_780_000_000.0) -> None:
        self.mono, self.unix, self.ok = mono, wall, True

    def monotonic(self) -> float:
        return self.mono

    def wall(self) -> float:
        return self.unix

    def advance(self, seconds: float) -> None:
        self.mono += seconds
        self.unix += seconds


@dataclass
class Keep:
    """Values on their way to the disk."""

    store: MemoryStore
    values: dict[str, str]
    entry: AuditEntry | None
    settled: bool = False
    fault: str | None = None

    def wait(self, timeout: float) -> bool:
        if not self.store.slow:
            self.store.settle()
        return self.settled


@dataclass
class MemoryStore:
    """A disk as the outbox offers it: in order, all or nothing; what is on its way is lost when the power goes."""

    values: dict[str, str] = field(default_factory=dict)
    log: list[AuditEntry] = field(default_factory=list)
    full: bool = False
    slow: bool = False
    underway: list[Keep] = field(default_factory=list)
    unwritten: list[AuditEntry] = field(default_factory=list)

    def begin(self, values: Mapping[str, str], entry: AuditEntry | None = None) -> Keep:
        keep = Keep(self, dict(values), entry)
        self.underway.append(keep)
        return keep

    def remember_all(self, values: Mapping[str, str], entry: AuditEntry | None = None) -> None:
        keep = self.begin(values, entry)
        self.settle()
        if keep.fault:
            raise StorageError(keep.fault)

    def record(self, entry: AuditEntry) -> None:
        self.unwritten.append(entry)

    def recall(self, key: str) -> str | None:
        return self.values.get(key)

    def settle(self) -> None:
        """All that is on its way arrives, or is refused."""
        for keep in self.underway:
            keep.settled = True
            if self.full:
                keep.fault = "the disk is full"
                continue
            self.values.update(keep.values)
            if keep.entry is not None:
                self.unwritten.append(keep.entry)
        self.underway.clear()
        if not self.full:
            self.log += sorted(self.unwritten, key=lambda entry: entry.at)
            self.unwritten.clear()


class Bench:
    """One house over its restarts: `alarm` is the running one, `board` what is told of it."""

    def __init__(self, settings: AlarmSettings | None = None, clock: SetClock | None = None) -> None:
        self.settings = settings or AlarmSettings()
        self.clock = clock or SetClock()
        self.store = MemoryStore()
        self.events: list[Event] = []
        self.sirens: dict[str, str] = {}
        self.sounded: list[tuple[str, str]] = []
        self.heard: list[str] = []
        self.boot = 1
        self.alarm = self.start()

    def start(self) -> Alarm:
        """A new run of the daemon in the same boot of the machine."""
        self.sirens.clear()
        world = World(
            self.clock,
            clock_ok=lambda: self.clock.ok,
            boot=f"boot-{self.boot}",
            boot_id=f"run-{len(self.heard)}",
            emit=self.events.append,
            sound=self._sound,
        )
        self.alarm = Alarm(self.store, settings=self.settings, world=world)
        self.board = self.alarm.state
        self.alarm.listen(self._hear)
        return self.alarm

    def power_cut(self, *, wall: float = 0.0, mono: float = 5.0, ok: bool = False) -> Alarm:
        """The power goes and comes back: what was on its way is gone, the clocks begin anew."""
        self.store.underway.clear()
        self.store.unwritten.clear()
        self.boot += 1
        self.clock.mono, self.clock.unix, self.clock.ok = mono, wall, ok
        return self.start()

    def turn(self) -> None:
        """The alarm's thread, until it has nothing left to do now."""
        for _ in range(2):  # what was on its way first, then what came after it
            self.alarm.turn()
            self.store.settle()
        self.alarm.turn()

    def advance(self, seconds: float) -> None:
        """Time passes, and the alarm notices."""
        self.clock.advance(seconds)
        self.turn()

    def see(self, *zones: str, camera: str = "door", label: str = "person", **more: object) -> None:
        """A camera tells of an object in these zones now."""
        self.alarm.hear(sighted(self.clock.unix, self.alarm.state, *zones, camera=camera, label=label, **more))
        self.alarm.turn()

    def logged(self) -> list[str]:
        """The log, oldest first: what, by whom, from where, how it went."""
        self.store.settle()
        return [f"{line.what} {line.by or '-'} {line.source}: {line.result}" for line in self.store.log]

    def _hear(self, state: str) -> None:
        self.board = state
        self.heard.append(state)

    def _sound(self, topic: str, payload: str) -> None:
        if self.sirens.get(topic) != payload:
            self.sounded.append((topic, payload))
        self.sirens[topic] = payload


def sighted(
    wall: float,
    armed: str,
    *zones: str,
    camera: str = "door",
    label: str = "person",
    kind: str = "new",
    stationary: bool = False,
    sub_label: str | None = None,
) -> Event:
    """An event about an object in these zones."""
    after = Sighting(
        id=f"{wall:.0f}-abcdef",
        camera=camera,
        frame_time=wall,
        label=label,
        score=0.9,
        top_score=0.9,
        start_time=wall,
        end_time=None,
        box=(1.0, 1.0, 9.0, 9.0),
        frame_size=(64, 48),
        active=not stationary,
        stationary=stationary,
        current_zones=zones,
        entered_zones=zones,
        sub_label=sub_label,
    )
    return Event(kind, None, after, wall, armed)  # type: ignore[arg-type]
