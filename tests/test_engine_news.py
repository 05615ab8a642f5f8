"""A back end that stands in for another is an event: one object, from the loss to the return."""

from __future__ import annotations

import pytest

from edge.engine_news import STEADY_S, EngineNews
from edge.engines.links import Change
from edge.types import Event, ModelRef, Stamp, event_payload
from tests.support.stand_ins import Hands

LOST = Change("onnxruntime", "movidius", "the stick is gone", best=False)
NONE = Change(None, "onnxruntime", "out of memory", best=False)
BACK = Change("movidius", "onnxruntime", "movidius is there", best=True)


@pytest.fixture
def clock() -> Hands:
    return Hands(1000.0)


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def news(clock: Hands, events: list[Event]) -> EngineNews:
    model = ModelRef("yolox-nano", "ab" * 32, "movidius")
    return EngineNews("cellar", "boot", lambda: model, lambda: "armed_away", clock, events.append)


def test_a_loss_is_new_what_follows_an_update_and_its_end_comes_when_all_is_steady(
    news: EngineNews, clock: Hands, events: list[Event]
) -> None:
    for change in (LOST, NONE, BACK):
        news(change)
        news.tick()
        clock.now += 10
    clock.now += STEADY_S - 11
    news.tick()
    assert [event.type for event in events] == ["new", "update", "update"]
    clock.now += 1
    for _ in range(3):
        news.tick()
    assert [event.type for event in events] == ["new", "update", "update", "end"]
    assert len({event.after.id for event in events}) == 1
    assert [event.after.sub_label for event in events] == [
        "onnxruntime stands in: the stick is gone",
        "no engine serves: out of memory",
        "movidius is back",
        "movidius is back",
    ]
    last = events[-1].after
    assert (last.start_time, last.end_time, last.active) == (1000, 1020 + STEADY_S, False)
    assert events[3].before == events[2].after


def test_one_that_comes_and_goes_is_one_event(news: EngineNews, clock: Hands, events: list[Event]) -> None:
    for _ in range(20):
        news(LOST)
        clock.now += 30
        news(BACK)
        clock.now += 30
        news.tick()
    assert [event.type for event in events].count("new") == 1
    assert "end" not in {event.type for event in events}


def test_the_reason_is_there_as_long_as_another_stands_in(news: EngineNews) -> None:
    assert news.reason is None
    news(LOST)
    assert news.reason == "onnxruntime stands in: the stick is gone"
    assert news.state == "standing_in"
    news(NONE)
    assert (news.state, news.reason) == ("fault", "no engine serves: out of memory")
    news(BACK)
    assert (news.state, news.reason) == ("up", None)


def test_a_loss_after_a_steady_time_is_another_object(news: EngineNews, clock: Hands, events: list[Event]) -> None:
    for change in (LOST, BACK, LOST):
        news(change)
        clock.now += STEADY_S
        news.tick()
    ids = [event.after.id for event in events if event.type == "new"]
    assert len(set(ids)) == 2


def test_one_that_serves_while_another_is_prepared_wakes_nobody(news: EngineNews, events: list[Event]) -> None:
    news(Change("onnxruntime", None, "tensorrt is being prepared", best=False, planned=True))
    assert news.reason == "onnxruntime serves while tensorrt is being prepared"
    news(Change("tensorrt", "onnxruntime", "tensorrt is there", best=True))
    assert (news.reason, events) == (None, [])


def test_a_return_that_nobody_missed_is_not_told(news: EngineNews, events: list[Event]) -> None:
    news(BACK)
    assert events == []


def test_it_is_an_alert_of_the_node_in_the_contracts_form(news: EngineNews, events: list[Event]) -> None:
    news(LOST)
    payload = event_payload(events[0], Stamp("boot", 1, "cellar", 1000.0))
    assert payload["armed"] == "armed_away"
    after = payload["after"]
    assert (after["camera"], after["label"], after["sub_label"]) == (
        "cellar",
        "engine",
        "onnxruntime stands in: the stick is gone",
    )
    assert after["box_norm"] == [0, 0, 0, 0]
