"""What gpiozero cannot do is one line."""

from __future__ import annotations

import sys
import types
import warnings

import pytest

from edge.errors import MissingError
from edge.steer.pins import opening


def test_a_way_to_the_pins_that_is_not_here_is_one_line_and_no_warnings() -> None:
    gpiozero = pytest.importorskip("gpiozero")
    with pytest.raises(MissingError, match=r"^pin 17: no way; on a Raspberry Pi: pip install lgpio"):
        with opening(gpiozero, "pin 17"):
            warnings.warn(gpiozero.PinFactoryFallback("falling back"), stacklevel=1)
            raise gpiozero.BadPinFactory("no\nway")


def test_a_pin_that_another_program_has_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    gpiozero = pytest.importorskip("gpiozero")
    error = type("error", (Exception,), {})
    lgpio = types.ModuleType("lgpio")
    monkeypatch.setattr(lgpio, "error", error, raising=False)
    monkeypatch.setitem(sys.modules, "lgpio", lgpio)
    with pytest.raises(MissingError, match=r"^pin 17: 'GPIO busy'; does another program have the pin\?$"):
        with opening(gpiozero, "pin 17"):
            raise error("'GPIO busy'")
