"""The whole alarm, model-checked: any order of people, thieves, time, faults of the disk, restarts and power cuts.

The disk is `MemoryStore`: in order, all or nothing, what is on its way is lost when the power goes. A real one under a
real database is cut in `test_power_cut`. What is checked after every step:

- no path to "armed" that forgets: once `arm` has returned, the house is armed, pending or triggered after any number of
  restarts and cuts, until somebody with the code, or the schedule, disarms it, or a panic in a disarmed house is over
- no trigger while disarmed, panic apart
- what the board shows is the state; what is stored is the state, once a disk that works has settled
- sirens sound only while triggered, and for their time at most
- a source that is locked stays locked for its time, over restarts and cuts, and locks out nobody else
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge.alarm.machine import Place, Plan
from edge.alarm.schedule import Rule, Schedule, parse_at
from edge.alarm.settings import AlarmSettings, Code, Siren
from edge.errors import AlarmRefused, StorageError, UserError
from tests.support.alarm_store import Bench, SetClock

CODE = "4711"
SOURCES = ("mqtt", "web 10.0.0.1", "the command line (user 1000, process 1)")
SIREN = Siren("siren/set", max_s=120)
HOUSE = AlarmSettings(
    plan=Plan(
        trigger_s=300,
        entry_s=30,
        exit_s=45,
        zones={"window": Place(), "garden": Place(frozenset({"away"}), 20, 10), "path": Place(entry_s=60, exit_s=90)},
    ),
    codes=(Code("Anna", CODE),),
    sirens=(SIREN,),
    schedule=Schedule((Rule(parse_at("23:00"), "arm_night"), Rule(parse_at("07:00"), "disarm")), ZoneInfo("UTC")),
    print="nightly",
)
ARMED = ("arming", "armed_home", "armed_away", "armed_night", "pending", "triggered")
WALL = 1_780_000_000.0
"""28 May 2026, 20:26:40 UTC."""

zones = st.lists(st.sampled_from(["window", "garden", "path"]), max_size=2)
sources = st.sampled_from(SOURCES)


class House(RuleBasedStateMachine):
    """The alarm beside a model of what it promised."""

    @initialize(plain=st.booleans())
    def begin(self, plain: bool) -> None:
        clock = SetClock(wall=WALL)
        self.bench = Bench(AlarmSettings() if plain else HOUSE, clock)
        self.plain = plain
        self.true_wall = WALL
        self.elapsed = 0.0
        self.armed: bool | None = False
        """What was promised: armed, disarmed, or None where a power cut may show either."""
        self.sounding_since: float | None = None
        self.wrong: dict[str, int] = {}
        self.locked: dict[str, float] = {}
        self.last_try: dict[str, float] = {}
        self.cut_at = -1e9

    # ---- people

    @rule(mode=st.sampled_from(["home", "away", "night"]), source=sources, now=st.booleans(), code=st.booleans())
    def arm(self, mode: str, source: str, now: bool, code: bool) -> None:
        before = self.bench.alarm.state
        locked = self.is_locked(source)
        asked = not self.plain and self.bench.alarm.detail()["mode"] not in (None, mode)
        try:
            self.bench.alarm.arm(mode, source, CODE if code else None, now=now)
        except AlarmRefused as refused:
            waits = bool(refused.locked_s)
            assert asked
            assert locked or not code or (waits and self.unsure(source))
            assert self.bench.alarm.state == before
        except UserError:
            assert before in ("pending", "triggered")
            self.forgive(source, asked)
        except StorageError:
            assert self.bench.store.full
            assert self.bench.alarm.state == before
            self.forgive(source, asked)
        else:
            assert not (asked and (locked or not code))
            self.forgive(source, asked)
            assert self.bench.alarm.state in ARMED[:4]
            if self.armed is not None or not self.bench.store.full:
                self.armed = True

    @rule(source=sources, given=st.sampled_from([CODE, CODE, "1234", None]))
    def disarm(self, source: str, given: str | None) -> None:
        if given == "1234" and self.bench.store.full:
            given = None  # what a full disk cannot count, a power cut forgets
        before, locked = self.bench.alarm.state, self.is_locked(source)
        try:
            self.bench.alarm.disarm(source, given)
        except AlarmRefused as refused:
            waits = bool(refused.locked_s)
            assert not self.plain
            assert waits or not locked
            if waits and not locked and given != "1234":
                assert self.unsure(source), "locked for no reason"
                return
            assert locked or given != CODE
            assert self.bench.alarm.state == before
            if given == "1234" and not locked and not (waits and self.unsure(source)):
                self.count(source, waits)
        else:
            assert self.plain or (given == CODE and not locked), "a locked source was let in"
            self.forgive(source, asked=not self.plain)
            assert self.bench.alarm.state == "disarmed"
            disk = self.bench.store
            stored = disk.values["alarm"] == "disarmed" and not disk.underway
            self.armed = False if stored else None

    @precondition(lambda self: not self.plain and not self.bench.store.full)
    @rule(source=sources)
    def guess(self, source: str) -> None:
        for _ in range(5):
            self.disarm(source, "1234")
        assert self.bench.alarm.detail()["locked_s"] > 0

    @rule(source=sources)
    def panic(self, source: str) -> None:
        self.bench.alarm.panic(source)
        self.sounding_since = self.elapsed
        assert self.bench.alarm.state == "triggered"

    # ---- others

    @rule(where=zones, stationary=st.booleans())
    def intrude(self, where: list[str], stationary: bool) -> None:
        before = self.bench.alarm.state
        self.bench.see(*where, stationary=stationary)
        if before == "disarmed":
            assert self.bench.alarm.state == "disarmed", "an alarm while disarmed"

    @rule(seconds=st.sampled_from([1.0, 10.0, 29.0, 31.0, 60.0, 91.0, 121.0, 301.0, 3600.0, 20000.0]))
    def wait(self, seconds: float) -> None:
        before = self.bench.alarm.state
        self.bench.clock.advance(seconds)
        self.elapsed += seconds
        self.true_wall += seconds
        self.bench.alarm.turn()
        if before == "disarmed":
            assert self.bench.alarm.state == "disarmed"

    @rule()
    def follow_schedule(self) -> None:
        before, orders = self.bench.alarm.state, len(self.bench.heard)
        self.bench.alarm.follow_schedule()
        heard = self.bench.heard[orders:]
        assert len(heard) <= 1, "a burst"
        if heard:
            assert self.bench.clock.ok
            assert before not in ("pending", "triggered")
            assert not self.plain
            if heard == ["disarmed"]:
                self.armed = False if self.bench.store.values["alarm"] == "disarmed" else None
            else:
                self.armed = True

    @rule()
    def set_the_clock(self) -> None:
        self.bench.clock.unix, self.bench.clock.ok = self.true_wall, True

    # ---- machines

    @rule()
    def settle(self) -> None:
        self.bench.turn()

    @rule(full=st.booleans(), slow=st.booleans())
    def fault(self, full: bool, slow: bool) -> None:
        self.bench.store.full, self.bench.store.slow = full, slow

    @precondition(lambda self: not self.bench.store.full)
    @rule(same_boot=st.booleans(), wall=st.sampled_from([0.0, WALL - 1e8]), away=st.sampled_from([1.0, 5000.0, 1e7]))
    def restart(self, same_boot: bool, wall: float, away: float) -> None:
        """A restart of the daemon, or a power cut, after which the board has no clock."""
        self.sounding_since = None
        if same_boot:
            self.bench.store.underway.clear()
            self.bench.start()
        else:
            self.true_wall += away
            self.cut_at = self.elapsed
            self.bench.power_cut(wall=wall)
        mode = self.bench.alarm.detail()["mode"]
        if self.armed is True:
            assert mode is not None, "armed, and forgotten"
        if self.armed is False:
            assert mode is None, "armed by nobody"
        self.armed = mode is not None

    # ---- what always holds

    @invariant()
    def the_board_tells_the_state(self) -> None:
        if hasattr(self, "bench"):
            assert self.bench.board == self.bench.alarm.state

    @invariant()
    def what_is_stored_is_the_state(self) -> None:
        if not hasattr(self, "bench") or self.bench.store.full:
            return
        if self.bench.alarm.detail()["fault"] is None and not self.bench.store.slow:
            self.bench.clock.mono += 2  # past the pause before another try
            self.elapsed += 2
            self.true_wall += 2
            self.bench.clock.unix += 2
            self.bench.turn()
            assert self.bench.store.values["alarm"].split()[0] == self.bench.alarm.state

    @invariant()
    def a_promise_is_kept(self) -> None:
        if hasattr(self, "bench") and self.armed is True:
            assert self.bench.alarm.state in ARMED

    @invariant()
    def sirens_sound_only_while_triggered_and_not_for_long(self) -> None:
        if not hasattr(self, "bench") or self.plain:
            return
        on = self.bench.sirens[SIREN.topic] == "ON"
        assert not on or self.bench.alarm.state == "triggered"
        if not on:
            self.sounding_since = None
        elif self.sounding_since is None:
            self.sounding_since = self.elapsed
        else:
            assert self.elapsed - self.sounding_since < SIREN.max_s + 4, "a siren that is not told to end"

    def is_locked(self, source: str) -> bool:
        return self.elapsed < self.locked.get(source, 0.0)

    def unsure(self, source: str) -> bool:
        """Of a lock, what was left when it was stored last begins anew after a cut: it may last longer, never less."""
        return source in self.wrong and self.elapsed < self.cut_at + 900

    def count(self, source: str, locked: bool) -> None:
        """Five wrong codes lock; an hour of rest after them is what forgives."""
        if self.elapsed - self.last_try.get(source, self.elapsed) > 3590:
            self.wrong[source] = 4 if locked else 0
        self.wrong[source] = self.wrong.get(source, 0) + 1
        self.last_try[source] = self.elapsed
        if self.wrong[source] >= 5:
            assert locked
        if locked:
            self.locked[source] = self.elapsed + 60 * 2 ** min(4, max(0, self.wrong[source] - 5)) - 0.1
            self.locked[source] = min(self.locked[source], self.elapsed + 899)
            self.last_try[source] = self.locked[source]

    def forgive(self, source: str, asked: bool) -> None:
        if asked:
            self.wrong.pop(source, None)
            self.locked.pop(source, None)
            self.last_try.pop(source, None)


House.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestHouse = House.TestCase
