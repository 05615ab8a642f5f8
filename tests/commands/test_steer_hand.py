"""`edge steer calibrate`: the pulse is there while somebody looks, and no motor runs afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest

from tests.steer.test_actuators import Chip
from tests.support.command import Edge
from tests.support.driving import driving


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Edge:
    return Edge(monkeypatch, capsys)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "steer.toml"
    path.write_text(f'[node]\ndata = "{tmp_path}/data"\n[steer]\nactuator = "pca9685"\n')
    return path


@pytest.fixture
def chip(monkeypatch: pytest.MonkeyPatch) -> Chip:
    smbus2 = pytest.importorskip("smbus2")
    chip = Chip()
    monkeypatch.setattr(smbus2, "SMBus", lambda bus: chip)
    return chip


def typing(monkeypatch: pytest.MonkeyPatch, *typed: str) -> None:
    """Somebody who types this, a prompt each, and Ctrl-C after it."""
    left = list(typed)

    def prompt(*_: Any, **__: Any) -> str:
        if not left:
            raise click.Abort
        return left.pop(0)

    monkeypatch.setattr(click, "prompt", prompt)


def test_the_motor_stands_once_its_pulses_are_found(
    edge: Edge, config: Path, chip: Chip, monkeypatch: pytest.MonkeyPatch
) -> None:
    typing(monkeypatch, "1520", "", "", "")
    done = edge("steer", "calibrate", "throttle", "--config", config)
    assert (done.code, done.out) == (0, "[steer.pca9685]\nthrottle_us = [1000, 1520, 2000]\n")
    assert chip.pulse_us(1) == pytest.approx(1520, abs=5)


def test_the_motor_stands_when_somebody_gives_up_at_full_speed(
    edge: Edge, config: Path, chip: Chip, monkeypatch: pytest.MonkeyPatch
) -> None:
    typing(monkeypatch, "", "")
    assert edge("steer", "calibrate", "throttle", "--config", config).code == 130
    assert chip.pulse_us(1) == pytest.approx(1500, abs=5)


def test_a_servo_on_a_pin_has_its_pulse_while_somebody_looks(
    edge: Edge, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpiozero = pytest.importorskip("gpiozero")
    from gpiozero.pins.mock import MockFactory, MockPWMPin

    monkeypatch.setattr(gpiozero.Device, "pin_factory", MockFactory(pin_class=MockPWMPin))
    seen = []

    def prompt(*_: Any, **__: Any) -> str:
        seen.append(gpiozero.Device.pin_factory.pin(12).state)
        return ""

    monkeypatch.setattr(click, "prompt", prompt)
    assert edge("steer", "calibrate", "steering", "--config", config, "--set", "steer.actuator=servo").code == 0
    assert seen == pytest.approx([1500 / 20000, 1000 / 20000, 2000 / 20000])


def test_nothing_is_calibrated_while_the_car_is_driven(edge: Edge, tmp_path: Path) -> None:
    with driving(tmp_path, '[steer]\nsource = "synthetic:"\n', "--pilot", "tests.support.pilots:steer") as drive:
        drive.reaches("ARM", "armed")
        done = edge(
            "steer", "calibrate", "steering", "--config", tmp_path / "steer.toml", "--set", "steer.actuator=servo"
        )
    assert done.code == 2
    assert "steering is already running for this configuration" in done.err
    assert done.err.count("\n") == 1
