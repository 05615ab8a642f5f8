"""What gpiozero cannot do is one line."""

from __future__ import annotations

import sys
import types
import warnings

import pytest

from edge.errors import MissingError
from edge.steer.pins import opening


def fails(fault: Exception, warning: Warning | None = None) -> str:
    """What is said of a pin whose opening fails so."""
    gpiozero = pytest.importorskip("gpiozero")
    try:
        with opening(gpiozero, "pin 17"):
            if warning is not None:
                warnings.warn(warning, stacklevel=1)
            raise fault
    except MissingError as missing:
        return str(missing)


def test_a_way_to_the_pins_that_is_not_here_is_one_line_and_no_warnings() -> None:
    gpiozero = pytest.importorskip("gpiozero")
    said = fails(gpiozero.BadPinFactory("no\nway"), gpiozero.PinFactoryFallback("falling back"))
    assert said == "pin 17: no way; on a Raspberry Pi: pip install lgpio, and be in the group `gpio`"


def test_a_pin_that_another_program_has_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    error = type("error", (Exception,), {})
    lgpio = types.ModuleType("lgpio")
    monkeypatch.setattr(lgpio, "error", error, raising=False)
    monkeypatch.setitem(sys.modules, "lgpio", lgpio)
    assert fails(error("'GPIO busy'")) == "pin 17: 'GPIO busy'; does another program have the pin?"
