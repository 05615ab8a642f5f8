"""The dead-man input, of words and of a switch on one of gpiozero's own mock pins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.errors import MissingError
from edge.steer.deadman import HOLD_S, open_deadman
from tests.support.driving import driving
from tests.support.film import film

PIN = 17


@pytest.fixture
def pins(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    gpiozero = pytest.importorskip("gpiozero")
    from gpiozero.pins.mock import MockFactory

    factory = MockFactory()
    monkeypatch.setattr(gpiozero.Device, "pin_factory", factory)
    yield factory
    factory.reset()


def test_a_switch_is_held_while_it_ties_its_pin_to_ground(pins: Any) -> None:
    switch = open_deadman(f"gpio:{PIN}")
    assert not switch.held(0.0), "a wire that is off holds nothing"
    switch.hold(0.0)
    assert not switch.held(0.0), "words do not count"
    pins.pin(PIN).drive_low()
    assert switch.held(0.1)
    pins.pin(PIN).drive_high()
    assert not switch.held(0.2)


def test_a_pin_that_is_not_there_or_in_use_is_said_in_a_line(pins: Any) -> None:
    with pytest.raises(MissingError, match=r"dead-man switch on pin 99: .*99"):
        open_deadman("gpio:99")
    kept = open_deadman(f"gpio:{PIN}")
    with pytest.raises(MissingError, match=f"dead-man switch on pin {PIN}"):
        open_deadman(f"gpio:{PIN}")
    assert not kept.held(0.0)


def test_a_word_holds_for_a_moment() -> None:
    words = open_deadman("hold")
    assert not words.held(5.0)
    words.hold(5.0)
    assert words.held(5.0 + 0.9 * HOLD_S)
    assert not words.held(5.0 + HOLD_S)


def test_a_car_whose_switch_nobody_presses_is_not_engaged(tmp_path: Path) -> None:
    pytest.importorskip("gpiozero")
    clip = film(tmp_path / "road.mp4", pictures=300, fps=30, w=64)
    settings = f'[steer]\nsource = "file:{clip}"\nloop = true\ndeadman = "gpio:{PIN}"\n'
    own = ("--pilot", "tests.support.pilots:steer")
    with driving(tmp_path, settings, *own, env={"GPIOZERO_PIN_FACTORY": "mock"}) as drive:
        drive.reaches("ARM", "armed")
        told = drive.order("ENGAGE")
        assert told["state"] == "armed"
        assert "dead-man" in told["reason"]
        assert {line["throttle"] for line in drive.lines()} == {0.0}
