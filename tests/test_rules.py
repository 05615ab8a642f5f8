"""What is told about an object, and when."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge.rules import Rules, RuleSettings, Scene, Zone
from edge.types import I420, MOTION, Box, Event, Frame, Stamp, Track, event_payload

W, H = 640, 480
PICTURE = I420(np.zeros((H, W), np.uint8), np.zeros((H // 2, W // 2), np.uint8), np.zeros((H // 2, W // 2), np.uint8))


def frame(i: int, fps: float = 10.0) -> Frame:
    return Frame("porch", i, i / fps, 1000 + i / fps, PICTURE)


def track(i: int, box: Box, *, number: int = 1, confirmed: bool = True, seen: bool = True, score: float = 0.8) -> Track:
    return Track(number, "person", score, box, confirmed, seen, 0.0, i / 10, 1000.0, 1000 + i / 10)


def rules(
    *labels: str, zones: tuple[Zone, ...] = (), settings: RuleSettings | None = None, draw: bool = False
) -> Rules:
    return Rules(
        "porch",
        "boot",
        labels or ("person",),
        lambda: "armed_away",
        scene=Scene(zones),
        settings=settings,
        draw=(lambda frame, box, label, score: b"jpeg") if draw else None,
    )


def walk(judge: Rules, steps: int, *, speed: float = 5.0) -> list[Event]:
    events: list[Event] = []
    for i in range(steps):
        x = 10 + speed * i
        events += judge.judge(frame(i), [track(i, (x, 100, x + 40, 200))], [], frozenset({1}))
    return events


def test_an_object_is_told_of_once_it_is_confirmed_and_once_when_it_is_gone() -> None:
    judge = rules()
    box = (10.0, 100.0, 50.0, 200.0)
    assert judge.judge(frame(0), [track(0, box, confirmed=False)], [], frozenset({1})) == []
    (new,) = judge.judge(frame(4), [track(4, box)], [], frozenset({1}))
    assert judge.judge(frame(5), [track(5, box)], [], frozenset({1})) == []
    (end,) = judge.judge(frame(30), [], [], frozenset())
    assert (new.type, new.before, new.after.start_time, new.after.end_time) == ("new", None, 1000.0, None)
    assert (end.type, end.after.id, end.after.end_time) == ("end", new.after.id, 1000.5)
    assert end.before == new.after
    assert judge.judge(frame(31), [], [], frozenset()) == []


def test_what_is_open_when_the_stream_ends_is_ended() -> None:
    judge = rules()
    walk(judge, 5)
    assert [event.type for event in judge.close(frame(6))] == ["end"]


def test_entering_and_leaving_a_zone_is_an_update() -> None:
    zone = Zone("lawn", np.array([[0.4, 0.0], [0.6, 0.0], [0.6, 1.0], [0.4, 1.0]], np.float32))
    events = walk(rules(zones=(zone,), settings=RuleSettings(better=100)), 100)
    inside = [(event.type, event.after.current_zones, event.after.entered_zones) for event in events]
    assert inside == [("new", (), ()), ("update", ("lawn",), ("lawn",)), ("update", (), ("lawn",))]


def test_somebody_who_stays_becomes_stationary_and_is_told_of_again_every_minute() -> None:
    events = walk(rules(settings=RuleSettings(still_s=10, remind_s=60)), 1400, speed=0.0)
    assert [event.type for event in events] == ["new", "update", "update", "update"]
    assert [event.after.stationary for event in events] == [False, True, True, True]


def test_who_moves_while_the_alarm_changes_is_told_of_again_at_once() -> None:
    now = ["arming"]
    judge = Rules("porch", "boot", ("person",), lambda: now[0], settings=RuleSettings(better=100))
    told: list[tuple[int, str, str]] = []
    for i in range(60):
        now[0] = "arming" if i < 20 else "armed_away" if i < 40 else "disarmed"
        # Nobody looks at the places of pictures 40 to 44: whoever has just left sets nothing off.
        one = track(i, (10 + 5.0 * i, 100, 50 + 5.0 * i, 200), seen=not 40 <= i < 45)
        told += [(i, event.type, event.armed) for event in judge.judge(frame(i), [one], [], frozenset({1}))]
    assert told == [(0, "new", "arming"), (20, "update", "armed_away"), (45, "update", "disarmed")]


def test_who_moves_as_the_alarm_is_armed_is_told_of_by_a_picture_from_then_on() -> None:
    now, since = ["disarmed"], [-np.inf]
    judge = Rules(
        "porch", "boot", ("person",), lambda: now[0], draw=lambda *_: b"jpeg", since=lambda: since[0]
    )  # fmt: skip
    told: list[tuple[int, float | None]] = []
    for i in range(40):
        if i == 20:
            now[0], since[0] = "armed_away", frame(22).time  # two pictures were on their way
        size = 200 - 4 * i  # walks away: each picture is worse than those before
        one = track(i, (200 + 5.0 * i, 100, 200 + 5.0 * i + size / 2, 100 + size))
        for event in judge.judge(frame(i), [one], [], frozenset({1})):
            shot = event.after.snapshot
            told.append((i, None if event.jpeg is None or shot is None else shot.frame_time))
    assert told == [(0, frame(0).wall), (22, frame(22).wall)]


def test_who_moves_while_the_alarm_is_arming_is_told_of_every_few_seconds_since_zones_become_live_one_by_one() -> None:
    judge = Rules("porch", "boot", ("person",), lambda: "arming", settings=RuleSettings(better=100))
    events = walk(judge, 120)
    assert [event.captured_at for event in events] == [1000.0, 1005.0, 1010.0]


def test_who_stands_still_while_the_alarm_changes_is_not() -> None:
    now = ["arming"]
    judge = Rules("porch", "boot", ("person",), lambda: now[0], settings=RuleSettings(better=100, remind_s=1000))
    walked = walk(judge, 200, speed=0.0)
    now[0] = "armed_away"
    still = [
        e for i in range(200, 300) for e in judge.judge(frame(i), [track(i, (10, 100, 50, 200))], [], frozenset({1}))
    ]
    assert (walked[-1].after.stationary, still) == (True, [])


def test_a_better_picture_is_an_update_that_carries_it() -> None:
    judge = rules(draw=True)
    events: list[Event] = []
    for i in range(60):
        size = 20 + 4 * i
        events += judge.judge(frame(i), [track(i, (200, 100, 200 + size, 100 + size))], [], frozenset({1}))
    assert all(event.jpeg == b"jpeg" and event.after.has_snapshot for event in events)
    assert 2 <= len(events) <= 4


def test_a_long_way_is_told_in_few_points() -> None:
    judge = rules()
    for i in range(5000):
        x = 300 + 280 * np.sin(i / 9)
        judge.judge(frame(i), [track(i, (x, 100, x + 40, 200))], [], frozenset({1}))
    (end,) = judge.close(frame(5000))
    assert 10 < len(end.after.path) <= 65


def test_motion_alone_opens_an_event_after_it_lasted_and_ends_it_when_quiet() -> None:
    judge = rules(MOTION)
    events: list[Event] = []
    for i in range(60):
        moved = [(100.0, 100.0, 300.0, 300.0)] if 10 <= i < 30 else []
        events += judge.judge(frame(i), [], moved, frozenset())
    assert [event.type for event in events][:1] == ["new"]
    assert [event.type for event in events][-1:] == ["end"]
    assert events[0].captured_at == 1001.3
    assert events[0].after.label == "motion"
    assert events[-1].after.end_time == 1002.9


def test_a_flicker_is_no_motion_event() -> None:
    judge = rules(MOTION)
    for i in range(60):
        moved = [(100.0, 100.0, 300.0, 300.0)] if i % 7 == 0 else []
        assert judge.judge(frame(i), [], moved, frozenset()) == []


def test_ids_are_unique_and_the_same_in_a_second_run() -> None:
    def ids() -> list[str]:
        judge = rules()
        for number in range(1, 6):
            judge.judge(frame(number), [track(number, (0, 0, 50, 100), number=number)], [], frozenset({number}))
        return [event.after.id for event in judge.close(frame(9))]

    assert ids() == ids()
    judge = rules()
    seen = {
        judge.judge(frame(n), [track(n, (0, 0, 50, 100), number=n)], [], frozenset(range(99)))[0].after.id
        for n in range(1, 50)
    }
    assert len(seen) == 49


def test_the_payload_has_every_key_of_the_contract() -> None:
    (event,) = walk(rules(draw=True), 1)
    payload = event_payload(event, Stamp("boot", 1, "node", 1000.0))
    assert payload.keys() >= {"type", "before", "after", "v", "boot_id", "seq", "replaces", "uid", "clock_ok", "node",
        "captured_at", "published_at", "replayed", "armed", "model"}  # fmt: skip
    assert payload["after"].keys() == {
        "id", "camera", "frame_time", "label", "sub_label", "score", "top_score", "false_positive", "start_time",
        "end_time", "box", "box_norm", "frame_size", "area", "ratio", "active", "stationary", "current_zones",
        "entered_zones", "path_data", "has_clip", "has_snapshot", "snapshot", "pose", "activity",
        "crossed", "loitering",
    }  # fmt: skip


triangle = Zone("t", np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], np.float32))


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_a_point_is_in_a_triangle_exactly_below_its_long_side(x: float, y: float) -> None:
    if abs(x + y - 1) > 1e-4:
        assert triangle.holds(x, y) == (x + y < 1)
