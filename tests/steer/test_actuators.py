"""What each actuator really puts on its bus, pin or line.

Only the I2C bus is made up: a chip of registers behind the very signatures of smbus2's SMBus. Pins are gpiozero's own
mock pins, the serial line is a real pseudo-terminal.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import pty
import re
import select
import tty
from collections.abc import Iterator, Sequence
from functools import reduce
from operator import xor
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from edge.commands.steer.hand import calibrate
from edge.config.schema import Node
from edge.errors import MissingError, PartError, UserError
from edge.steer.actuators.base import TABLE, ackermann, from_ackermann, leave, open_actuator
from edge.steer.actuators.null import Null
from edge.steer.actuators.pca9685 import Pca9685
from edge.steer.actuators.pulses import Pulses
from edge.steer.actuators.serial import line
from edge.steer.desk import Desk
from edge.types import NEUTRAL, Steering

PULSES = Pulses(1000, 1500, 2000)


class Chip:
    """A PCA9685 as the bus sees it: registers, and PRE_SCALE only while asleep. answers: whether it is there."""

    def __init__(self) -> None:
        self.registers = {0x00: 0x11, 0x01: 0x04, 0xFE: 0x1E}
        self.answers = True
        self.closed = False

    def write_byte_data(self, i2c_addr: int, register: int, value: int, force: Any = None) -> None:
        self.check(i2c_addr)
        if register != 0xFE or self.registers[0x00] & 0x10:
            self.registers[register] = value

    def read_byte_data(self, i2c_addr: int, register: int, force: Any = None) -> int:
        self.check(i2c_addr)
        return self.registers[register]

    def write_i2c_block_data(self, i2c_addr: int, register: int, data: Sequence[int], force: Any = None) -> None:
        self.check(i2c_addr)
        assert self.registers[0x00] & 0x20, "registers in a row need auto-increment"
        self.registers.update({register + k: value for k, value in enumerate(data)})

    def check(self, address: int) -> None:
        if not self.answers or address != 0x40:
            raise OSError(121, "Remote I/O error")

    def close(self) -> None:
        self.closed = True

    def pulse_us(self, channel: int) -> float:
        first = 0x06 + 4 * channel
        off = self.registers[first + 2] | self.registers[first + 3] << 8
        return off * (self.registers[0xFE] + 1) / 25.0


def board(chip: Chip) -> Pca9685:
    return Pca9685(chip, 0x40, 50.0, (0, 1), PULSES, PULSES)


def test_the_made_up_bus_has_the_signatures_of_the_real_one() -> None:
    smbus2 = pytest.importorskip("smbus2")
    for name in ("write_byte_data", "read_byte_data", "write_i2c_block_data"):
        real = inspect.signature(getattr(smbus2.SMBus, name))
        made_up = inspect.signature(getattr(Chip, name))
        assert list(made_up.parameters) == list(real.parameters)


def test_the_board_is_woken_at_50_hz_and_neutral() -> None:
    chip = Chip()
    board(chip)
    assert chip.registers[0xFE] == 121
    assert not chip.registers[0x00] & 0x10
    assert (chip.pulse_us(0), chip.pulse_us(1)) == pytest.approx((1500, 1500), abs=5)


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_the_boards_pulses_follow_the_command(steering: float, throttle: float) -> None:
    chip = Chip()
    board(chip).give(Steering(steering, throttle))
    assert chip.pulse_us(0) == pytest.approx(1500 + 500 * steering, abs=5)
    assert chip.pulse_us(1) == pytest.approx(1500 + 500 * throttle, abs=5)


def test_a_board_that_was_away_is_woken_again() -> None:
    chip = Chip()
    made = board(chip)
    chip.answers = False
    with pytest.raises(PartError, match="does not answer: Remote I/O error"):
        made.give(Steering(1.0, 1.0))
    chip.__init__()  # type: ignore[misc]  # it lost its supply, and with it its registers
    made.give(Steering(1.0, 0.0))
    assert chip.pulse_us(0) == pytest.approx(2000, abs=5)


def test_a_board_that_was_reset_unseen_is_found_out() -> None:
    chip = Chip()
    made = board(chip)
    chip.registers[0x00] = 0x31
    with pytest.raises(PartError, match="was reset"):
        made.give(NEUTRAL)
    made.give(NEUTRAL)


def test_the_board_is_left_at_neutral() -> None:
    chip = Chip()
    made = board(chip)
    made.give(Steering(1.0, 1.0))
    made.close()
    assert chip.closed
    assert (chip.pulse_us(0), chip.pulse_us(1)) == pytest.approx((1500, 1500), abs=5)


def test_servos_on_pins(monkeypatch: pytest.MonkeyPatch) -> None:
    gpiozero = pytest.importorskip("gpiozero")
    from gpiozero.pins.mock import MockFactory, MockPWMPin

    monkeypatch.setattr(gpiozero.Device, "pin_factory", MockFactory(pin_class=MockPWMPin))
    settings = {
        "steering_pin": 12,
        "throttle_pin": 13,
        "steering_us": (2000, 1500, 1000),
        "throttle_us": (1000, 1500, 2000),
    }
    made = open_actuator("servo", settings)
    pins = [gpiozero.Device.pin_factory.pin(number) for number in (12, 13)]
    assert [pin.state * 20_000 for pin in pins] == pytest.approx([1500, 1500])
    made.give(Steering(1.0, -0.5))
    assert [pin.state * 20_000 for pin in pins] == pytest.approx([1000, 1250])
    made.close()
    made.close()


@pytest.fixture
def terminal() -> Iterator[tuple[int, str]]:
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    yield ours, os.ttyname(theirs)
    os.close(ours)
    os.close(theirs)


def test_a_serial_line_has_the_sign_of_robots_and_a_checksum(terminal: tuple[int, str]) -> None:
    pytest.importorskip("serial")
    ours, name = terminal
    made = open_actuator("serial", {"port": name, "baud": 115200, "angle_rad": 0.4})
    made.give(Steering(0.5, 0.25))
    made.close()
    said = b""
    while said.count(b"\n") < 3:  # the kernel hands them over one by one
        assert select.select([ours], [], [], 5.0)[0], said
        said += os.read(ours, 4096)
    told = said.decode().splitlines()
    assert [one.split("*")[0] for one in told] == [
        "$STEER,0,0.0000,0.0000,200",
        "$STEER,1,-0.2000,0.2500,200",
        "$STEER,2,0.0000,0.0000,200",
    ]
    for one in told:
        body, _, check = one[1:].partition("*")
        assert int(check, 16) == reduce(xor, body.encode())


def test_a_serial_line_that_nobody_reads_is_a_fault_and_no_wait(terminal: tuple[int, str]) -> None:
    pytest.importorskip("serial")
    made = open_actuator("serial", {"port": terminal[1], "baud": 115200, "angle_rad": 0.4})

    def flood() -> None:
        for _ in range(100_000):
            made.give(NEUTRAL)

    with pytest.raises(PartError, match="takes nothing"):
        flood()
    os.read(terminal[0], 65536)
    made.close()


def test_a_controller_that_reads_again_hears_nothing_of_what_the_line_still_held(terminal: tuple[int, str]) -> None:
    pytest.importorskip("serial")
    made = open_actuator("serial", {"port": terminal[1], "baud": 115200, "angle_rad": 0.4})
    given = 0
    with contextlib.suppress(PartError):
        while True:
            made.give(Steering(0.5, 0.25))
            given += 1
    made.give(NEUTRAL)
    heard = b""
    while select.select([terminal[0]], [], [], 0.2)[0]:
        heard += os.read(terminal[0], 65536)
    made.close()
    assert heard.count(b",0.2500,") < given / 2, "the terminal's own 4 kB are with its reader already"
    assert b",0.0000,0.0000,200" in heard


def test_a_line_that_sends_too_slowly_is_a_fault(terminal: tuple[int, str], monkeypatch: pytest.MonkeyPatch) -> None:
    serial = pytest.importorskip("serial")
    made = open_actuator("serial", {"port": terminal[1], "baud": 115200, "angle_rad": 0.4})
    monkeypatch.setattr(serial.Serial, "out_waiting", 140)  # a pseudo-terminal never has any
    with pytest.raises(PartError, match="too slowly"):
        made.give(Steering(0.5, 0.25))
    monkeypatch.setattr(serial.Serial, "out_waiting", 36)
    made.give(NEUTRAL)
    made.close()


@given(st.integers(0, 10**9), st.floats(-1, 1), st.floats(-1, 1))
def test_a_line_can_be_read_back(seq: int, steering: float, throttle: float) -> None:
    told = line(seq, Steering(steering, throttle), 0.5).decode()
    found = re.fullmatch(r"\$STEER,(\d+),(-?\d\.\d{4}),(-?\d\.\d{4}),200\*[0-9A-F]{2}\n", told)
    assert found
    assert int(found[1]) == seq
    assert from_ackermann(float(found[2]), 0.5) == pytest.approx(steering, abs=2e-4)


def test_the_sign_turns_in_one_place() -> None:
    assert ackermann(1.0, 0.4) == -0.4
    assert from_ackermann(ackermann(0.3, 0.4), 0.4) == pytest.approx(0.3)


@given(st.floats(300, 3000), st.floats(300, 3000), st.floats(300, 3000), st.floats())
def test_a_pulse_is_always_between_its_ends(least: float, middle: float, most: float, value: float) -> None:
    pulse = Pulses(least, middle, most).of(0.0 if value != value else value)
    assert min(least, middle, most) - 1e-6 <= pulse <= max(least, middle, most) + 1e-6


def test_no_actuator_moves_nothing() -> None:
    made = open_actuator("null", {})
    assert isinstance(made, Null)
    made.give(Steering(0.1, 0.2))
    made.close()
    assert made.given == NEUTRAL


def test_what_is_not_here_is_said_in_one_line() -> None:
    with pytest.raises(UserError, match="no actuator is called `jetpack`"):
        open_actuator("jetpack", {})
    pytest.importorskip("smbus2")
    settings = {"bus": 250, "address": 0x40, "hz": 50.0, "steering_channel": 0, "throttle_channel": 1}
    with pytest.raises(MissingError, match=r"/dev/i2c-250: No such file"):
        open_actuator("pca9685", {**settings, "steering_us": (1, 2, 3), "throttle_us": (1, 2, 3)})
    pytest.importorskip("serial")
    with pytest.raises(MissingError, match=r"^/dev/ttyNONE: No such file or directory; is the controller plugged in"):
        open_actuator("serial", {"port": "/dev/ttyNONE", "baud": 9600, "angle_rad": 0.4})
    assert set(TABLE) >= {"null", "pca9685", "servo", "serial"}


def test_pulses_are_calibrated_by_hand(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gpiozero = pytest.importorskip("gpiozero")
    from gpiozero.pins.mock import MockFactory, MockPWMPin

    monkeypatch.setattr(gpiozero.Device, "pin_factory", MockFactory(pin_class=MockPWMPin))
    config = tmp_path / "steer.toml"
    config.write_text('[steer]\nactuator = "servo"\n')
    typed = "1480\nnonsense\n\n1900\n\n1100\n\n"
    done = CliRunner().invoke(calibrate, ["steering", "--config", str(config)], input=typed)
    assert done.exit_code == 0, done.output
    assert done.stdout == "[steer.servo]\nsteering_us = [1900, 1480, 1100]\n"
    wrong = CliRunner().invoke(calibrate, ["throttle", "--config", str(config)], input="900\n\n\n\n")
    assert isinstance(wrong.exception, UserError)


def test_a_pin_that_fails_is_a_fault_and_not_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    gpiozero = pytest.importorskip("gpiozero")
    from gpiozero.pins.mock import MockFactory, MockPWMPin

    class Failing(MockPWMPin):
        fails = False

        def _set_state(self, value: float) -> None:
            if Failing.fails:
                raise OSError(5, "Input/output error")
            super()._set_state(value)

    monkeypatch.setattr(gpiozero.Device, "pin_factory", MockFactory(pin_class=Failing))
    pulses = (1000, 1500, 2000)
    made = open_actuator(
        "servo", {"steering_pin": 12, "throttle_pin": 13, "steering_us": pulses, "throttle_us": pulses}
    )
    Failing.fails = True
    with pytest.raises(PartError, match=r"servo on GPIO12 and GPIO13: .*Input/output error"):
        made.give(Steering(0.5, 0.5))
    Failing.fails = False
    leave(made)


def test_a_board_that_hesitates_is_left_at_neutral_all_the_same() -> None:
    chip = Chip()
    made = board(chip)
    made.give(Steering(1.0, 1.0))
    real = chip.check
    left = iter(range(5))

    def hesitates(address: int) -> None:
        if next(left, None) is not None:
            raise OSError(121, "Remote I/O error")
        real(address)

    chip.check = hesitates  # type: ignore[method-assign]
    leave(made)
    assert chip.closed
    assert (chip.pulse_us(0), chip.pulse_us(1)) == pytest.approx((1500, 1500), abs=5)


def test_a_board_that_is_gone_is_left_in_the_end() -> None:
    chip = Chip()
    made = board(chip)
    chip.answers = False
    with pytest.raises(PartError, match="does not answer"):
        leave(made)
    assert chip.closed


@pytest.fixture
def chip(monkeypatch: pytest.MonkeyPatch) -> Chip:
    """The board that every opening of the bus finds."""
    smbus2 = pytest.importorskip("smbus2")
    chip = Chip()
    monkeypatch.setattr(smbus2, "SMBus", lambda bus: chip)
    return chip


def test_a_bus_that_hangs_is_not_waited_for_a_second(chip: Chip, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int, int]] = []
    monkeypatch.setattr("fcntl.ioctl", lambda *words: asked.append(words))
    chip.fd = 99  # type: ignore[attr-defined]
    settings = {"bus": 1, "address": 0x40, "hz": 50.0, "steering_channel": 0, "throttle_channel": 1}
    open_actuator("pca9685", {**settings, "steering_us": (1000, 1500, 2000), "throttle_us": (1000, 1500, 2000)})
    assert asked == [(99, 0x0702, 5)]


@pytest.fixture
def of_board(tmp_path: Path) -> Path:
    config = tmp_path / "steer.toml"
    config.write_text(f'[node]\ndata = "{tmp_path}"\n[steer]\nactuator = "pca9685"\n')
    return config


@pytest.mark.parametrize(("typed", "middle"), [("\n\n1900\n\n", 1500), ("1480\n\n\n1900\n", 1480), ("1900\n", 1500)])
def test_a_speed_controller_stands_once_it_is_calibrated_or_nobody_types_any_more(
    chip: Chip, of_board: Path, typed: str, middle: float
) -> None:
    CliRunner().invoke(calibrate, ["throttle", "--config", str(of_board)], input=typed)
    assert (chip.pulse_us(0), chip.pulse_us(1)) == pytest.approx((1500, middle), abs=5)


def test_nothing_is_calibrated_while_steering_runs(chip: Chip, of_board: Path) -> None:
    desk = Desk(Node(data=of_board.parent))
    try:
        done = CliRunner().invoke(calibrate, ["throttle", "--config", str(of_board)], input="\n\n\n")
        assert isinstance(done.exception, UserError)
        assert "already running" in str(done.exception)
    finally:
        desk.close()


def test_a_servo_is_held_at_its_pulse_while_somebody_looks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gpiozero = pytest.importorskip("gpiozero")
    from gpiozero.pins.mock import MockFactory, MockPWMPin

    monkeypatch.setattr(gpiozero.Device, "pin_factory", MockFactory(pin_class=MockPWMPin))
    config = tmp_path / "steer.toml"
    config.write_text(f'[node]\ndata = "{tmp_path}"\n[steer]\nactuator = "servo"\n')
    seen = []

    def look(*_: Any, **__: Any) -> str:
        seen.append(round(gpiozero.Device.pin_factory.pin(13).state * 20_000))
        return ""

    monkeypatch.setattr("click.prompt", look)
    assert CliRunner().invoke(calibrate, ["throttle", "--config", str(config)]).exit_code == 0
    assert seen == [1500, 1000, 2000]
