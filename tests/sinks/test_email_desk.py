"""When an alert is mailed, and with which others: decided without a clock, a server or a thread."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.hours import parse
from edge.sinks.email.alert import Alert, is_wanted
from edge.sinks.email.desk import Desk, Now
from edge.sinks.email.settings import EmailSettings, Rules
from tests.support.mailbox import message

START = datetime(2025, 6, 2, 22, 0).timestamp()
HOUR = 3600.0


class Trial:
    """A desk, and the mails that left it with the seconds since START at which they did."""

    def __init__(self, *, quiet_hours: Sequence[str] = (), **given: float) -> None:
        rules = Rules(quiet_hours=tuple(map(parse, quiet_hours)))
        settings = EmailSettings("host", "a@b", ("c@d",), rules=rules, **given)  # type: ignore[arg-type]
        self.joined: dict[int, int] = {}
        self.desk = Desk(settings, lambda ids, heir: self.joined.update(dict.fromkeys(ids, heir)))
        self.mails: list[tuple[float, Alert]] = []
        self.number = 0
        self.now = 0.0
        self.clock_ok = True

    def new(self, at: float, object_id: str | None = None, **given: object) -> int:
        """An alert, seen and taken at once."""
        self.until(at)
        self.number += 1
        made = message(self.number, START + at, "new", object_id, **given)  # type: ignore[arg-type]
        self.desk.see(made.payload)
        self.mails += [(at, alert) for alert in self.desk.take(Alert(made), self._now())]
        return self.number

    def end(self, at: float, object_id: str) -> None:
        """An object is gone."""
        self.until(at)
        self.desk.see(message(999, START + at, "end", object_id).payload)

    def until(self, at: float) -> None:
        """Let the time pass, a second at a time."""
        while self.now < at:
            self.now = min(self.now + 1.0, at)
            self.mails += [(self.now, alert) for alert in self.desk.due(self._now())]

    def _now(self) -> Now:
        return Now(self.now, START + self.now, self.clock_ok)

    @property
    def told(self) -> list[tuple[float, int, int]]:
        """When, which message, and how many others with it."""
        return [(at, alert.message.id, len(alert.older)) for at, alert in self.mails]


def test_a_mail_waits_for_pictures_no_longer_than_its_object_stays() -> None:
    trial = Trial(throttle=0.0, gather=5.0)
    trial.new(0.0, "stays")
    trial.new(1.0, "goes")
    trial.end(3.0, "goes")
    trial.until(10.0)
    assert trial.told == [(4.0, 2, 0), (5.0, 1, 0)]
    assert trial.desk.empty


def test_those_who_come_while_a_mail_waits_for_pictures_are_told_in_it() -> None:
    trial = Trial(throttle=60.0, gather=5.0)
    trial.new(0.0)
    trial.new(2.0)
    trial.new(2.0, camera="yard")
    trial.until(120.0)
    assert trial.told == [(5.0, 1, 1), (7.0, 3, 0)]
    assert trial.joined == {2: 1}


def test_what_the_throttle_holds_back_is_told_when_it_is_over() -> None:
    trial = Trial(throttle=60.0)
    for at in (0.0, 10.0, 20.0):
        trial.new(at)
    trial.until(200.0)
    assert trial.told == [(0.0, 1, 0), (60.0, 3, 1)]


def test_with_a_summary_wanted_held_back_alerts_wait_until_it_is_quiet() -> None:
    trial = Trial(throttle=60.0, quiet_after=120.0)
    for at, name in ((0.0, "a"), (10.0, "b"), (20.0, "c")):
        trial.new(at, name)
    for at, name in ((12.0 + 10, "a"), (23.0, "b"), (30.0, "c")):
        trial.end(at, name)
    trial.until(1000.0)
    assert trial.told == [(0.0, 1, 0), (150.0, 3, 1)]
    quiet = trial.mails[1][1]
    assert quiet.kind == "quiet"
    assert quiet.since == START + 30.0
    assert [told.object_id for told in quiet.known] == ["a"]


def test_where_it_does_not_get_quiet_they_are_told_all_the_same() -> None:
    trial = Trial(throttle=60.0, quiet_after=120.0)
    trial.new(0.0, "a")
    trial.new(10.0, "stays for hours")
    trial.until(1000.0)
    assert trial.told == [(0.0, 1, 0), (180.0, 2, 0)]
    assert trial.mails[1][1].kind == "event"


def test_a_single_alert_is_followed_by_no_summary() -> None:
    trial = Trial(throttle=60.0, quiet_after=120.0)
    trial.new(0.0, "a")
    trial.end(5.0, "a")
    trial.until(1000.0)
    assert trial.told == [(0.0, 1, 0)]


def test_quiet_hours_are_told_in_one_mail_at_their_end() -> None:
    trial = Trial(throttle=60.0, gather=5.0, quiet_hours=["23:00-07:00"])
    trial.new(0.5 * HOUR)
    for at in (1.5, 3.0, 8.0):
        trial.new(at * HOUR)
    trial.new(8.5 * HOUR, camera="yard")
    trial.new(9.5 * HOUR)
    trial.until(11 * HOUR)
    assert [(round(at / HOUR, 2), number, others) for at, number, others in trial.told] == [
        (0.5, 1, 0),
        (9.0, 5, 3),
        (9.5, 6, 0),
    ]
    assert trial.mails[1][1].kind == "night"


def test_many_alerts_of_a_night_stay_few_in_memory_and_are_all_told() -> None:
    trial = Trial(quiet_hours=["23:00-07:00"], waiting=10)
    for second in range(100):
        trial.new(2 * HOUR + second)
    assert len(trial.desk._night) <= 10
    trial.until(9 * HOUR)
    assert [(number, others) for _, number, others in trial.told] == [(100, 99)]


@pytest.mark.parametrize("given", [{"label": "alarm"}, {"armed": "triggered"}])
def test_the_alarm_knows_no_quiet_hours(given: dict[str, str]) -> None:
    trial = Trial(quiet_hours=["23:00-07:00"])
    trial.new(2 * HOUR)
    number = trial.new(2 * HOUR + 1, **given)
    assert [each for _, each, _ in trial.told] == [number]


def test_the_alarm_is_mailed_whatever_the_throttle_holds_back() -> None:
    trial = Trial(throttle=60.0, gather=5.0)
    trial.new(0.0)
    trial.new(1.0, label="alarm", sub_label="panic")
    assert trial.told == [(1.0, 2, 0)]


def test_meddling_with_a_camera_is_not_held_back_behind_what_it_saw() -> None:
    trial = Trial(throttle=60.0)
    trial.new(0.0)
    trial.new(5.0, label="tamper", sub_label="covered")
    trial.new(6.0, label="tamper", sub_label="moved")
    trial.until(70.0)
    assert trial.told == [(0.0, 1, 0), (5.0, 2, 0), (65.0, 3, 0)]


def test_without_a_true_clock_nothing_is_quiet() -> None:
    trial = Trial(quiet_hours=["23:00-07:00"])
    trial.new(2 * HOUR, clock_ok=False)
    trial.clock_ok = False
    trial.new(2 * HOUR + 100)
    assert [number for _, number, _ in trial.told] == [1, 2]
    trial.clock_ok = True
    trial.new(2 * HOUR + 200)
    assert len(trial.told) == 2
    trial.clock_ok = False  # as after a start without network: who knows when the morning is
    trial.until(2 * HOUR + 201)
    assert [number for _, number, _ in trial.told] == [1, 2, 3]


def test_a_clock_that_was_set_back_silences_no_camera() -> None:
    trial = Trial(throttle=60.0)
    trial.new(0.0)
    made = message(50, START - 86_400.0)
    assert trial.desk.take(Alert(made), Now(1.0, START - 86_400.0)) != []


EVENT = st.tuples(
    st.floats(0, 100), st.sampled_from(["porch", "yard"]), st.sampled_from(["person", "alarm"]), st.booleans()
)


@hypothesis.settings(deadline=None)
@given(
    st.lists(EVENT, max_size=25),
    st.sampled_from([0.0, 5.0]),
    st.sampled_from([0.0, 60.0]),
    st.sampled_from([0.0, 90.0]),
    st.sampled_from([(), ("22:00-22:02",), ("22:01-22:20",)]),
)
def test_every_alert_is_told_exactly_once_and_never_sooner_than_the_throttle_allows(
    events: list[tuple[float, str, str, bool]],
    gather: float,
    throttle: float,
    quiet_after: float,
    quiet_hours: tuple[str, ...],
) -> None:
    trial = Trial(gather=gather, throttle=throttle, quiet_after=quiet_after, quiet_hours=quiet_hours, waiting=6)
    at = 0.0
    for wait, camera, label, ends in events:
        at += wait
        name = f"object-{trial.number}"
        trial.new(at, name, camera=camera, label=label)
        if ends:
            trial.desk.see(message(999, START + at, "end", name, camera=camera, label=label).payload)
    trial.until(at + 2000.0)
    assert trial.desk.empty
    told = [name for _, mail in trial.mails for name in (mail.object_id, *(each.object_id for each in mail.older))]
    assert sorted(told) == sorted(f"object-{n}" for n in range(len(events)))
    sent = {mail.message.id for _, mail in trial.mails}
    assert sent.isdisjoint(trial.joined)
    assert sent | set(trial.joined) == set(range(1, len(events) + 1))
    for camera in ("porch", "yard"):
        mine = [(left, mail) for left, mail in trial.mails if mail.camera == camera and mail.kind != "night"]
        times = [left for left, mail in mine if mail.told.label != "alarm"]
        assert all(b - a >= throttle - gather - 1.0 for a, b in pairwise(times))


@pytest.mark.parametrize(
    ("given", "rules", "wanted"),
    [
        ({}, Rules(), True),
        ({"armed": "disarmed"}, Rules(), False),
        ({"armed": "arming"}, Rules(), False),
        ({"armed": "disarmed", "label": "alarm"}, Rules(), True),
        ({"notify": False}, Rules(), False),
        ({"notify": True}, Rules(), True),
        ({"kind": "update"}, Rules(), False),
        ({"kind": "end"}, Rules(zones=("path",)), False),
        ({}, Rules(cameras=("porch",)), True),
        ({}, Rules(cameras=("yard",)), False),
        ({}, Rules(labels=("cat",)), False),
        ({"label": "cat"}, Rules(labels=("cat",)), True),
        ({}, Rules(zones=("path",)), False),
        ({"current_zones": ("path",)}, Rules(zones=("path",)), True),
        ({"kind": "update", "entered_zones": ("path",)}, Rules(zones=("path",)), True),
        ({}, Rules(modes=("armed_night",)), False),
        ({"armed": "armed_night"}, Rules(modes=("armed_night",)), True),
        ({"armed": "triggered"}, Rules(modes=("armed_night",)), True),
        ({"label": "alarm"}, Rules(cameras=("yard",), zones=("path",), labels=("cat",), modes=("armed_night",)), True),
        ({"label": "tamper"}, Rules(zones=("path",)), True),
        ({"label": "tamper"}, Rules(cameras=("yard",)), False),
        ({"label": "engine", "camera": "bar"}, Rules(cameras=("yard",)), True),
        ({"label": "engine", "camera": "bar", "kind": "update"}, Rules(zones=("path",)), False),
    ],
)
def test_rules_say_who_hears_of_what(given: dict[str, object], rules: Rules, wanted: bool) -> None:
    assert is_wanted(message(1, START, **given).payload, rules) is wanted  # type: ignore[arg-type]
