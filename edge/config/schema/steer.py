"""A small car that a model drives: `[steer]`."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from edge.config.fields import FilePath, Many, OneOrSome, Share, Source, Text, fault
from edge.config.schema.base import Table


def _pulses(value: tuple[int, ...]) -> tuple[int, ...]:
    if len(value) != 3 or any(not 300 <= pulse <= 3000 for pulse in value):
        raise fault("wants three pulses of 300 to 3000 microseconds", "`edge steer calibrate` finds them")
    rising = [b - a for a, b in pairwise(value)]
    if min(rising) <= 0 <= max(rising):
        raise fault("the middle pulse must lie between the others", "`edge steer calibrate` finds them")
    return value


def _deadman(value: str) -> str:
    kind, _, pin = value.partition(":")
    if value not in ("none", "hold") and not (kind == "gpio" and pin.isascii() and pin.isdigit() and int(pin) < 64):
        raise fault("no such dead-man input", "write `none`, `hold`, or `gpio:17` with the pin's BCM number")
    return value


Pulses: TypeAlias = Annotated[Many[int], AfterValidator(_pulses)]
Pin: TypeAlias = Annotated[int, Field(ge=0, le=63)]
STEERING_US = (1000, 1500, 2000)
LEFT = "Microseconds at full left, straight on and full right, as `edge steer calibrate` finds them."
BACK = "Microseconds at full back, standstill and full ahead."


class Pca9685(Table):
    """Servo and speed controller on a PCA9685 board, over I2C."""

    bus: Annotated[int, Field(ge=0, le=255)] = Field(default=1, description="Number of the I2C bus: `/dev/i2c-1`.")
    address: Annotated[int, Field(ge=0x40, le=0x7F)] = Field(
        default=0x40, description="Address of the board, 0x40 unless its bridges are set."
    )
    hz: Annotated[float, Field(ge=40, le=400)] = Field(
        default=50.0, description="Pulses a second; analogue servos want 50."
    )
    steering_channel: Annotated[int, Field(ge=0, le=15)] = Field(default=0, description="Channel of the servo.")
    throttle_channel: Annotated[int, Field(ge=0, le=15)] = Field(
        default=1, description="Channel of the speed controller."
    )
    steering_us: Pulses = Field(default=STEERING_US, description=LEFT)
    throttle_us: Pulses = Field(default=STEERING_US, description=BACK)

    @model_validator(mode="after")
    def _apart(self) -> Pca9685:
        if self.steering_channel == self.throttle_channel:
            raise fault("servo and speed controller cannot share a channel", key="throttle_channel")
        longest = max(*self.steering_us, *self.throttle_us)
        if longest * self.hz >= 1e6:
            raise fault(f"{self.hz:g} pulses a second leave no room for one of {longest} microseconds", key="hz")
        return self


class Servo(Table):
    """Servo and speed controller on pins of the board, by gpiozero."""

    steering_pin: Pin = Field(default=12, description="BCM number of the servo's pin.")
    throttle_pin: Pin = Field(default=13, description="BCM number of the speed controller's pin.")
    steering_us: Pulses = Field(default=STEERING_US, description=LEFT)
    throttle_us: Pulses = Field(default=STEERING_US, description=BACK)

    @model_validator(mode="after")
    def _apart(self) -> Servo:
        if self.steering_pin == self.throttle_pin:
            raise fault("servo and speed controller cannot share a pin", key="throttle_pin")
        return self


class Serial(Table):
    """A microcontroller on a serial line that moves servo and motor."""

    port: FilePath = Field(default="/dev/ttyACM0", validate_default=True, description="Its device.")
    baud: Annotated[int, Field(ge=1200, le=4_000_000)] = Field(default=115200, description="Bits a second.")
    angle_rad: Annotated[float, Field(gt=0, le=1.5)] = Field(
        default=0.4, description="Angle of the front wheels at full lock, in radian."
    )


class SteerTable(Table):
    """A small car that a model drives: `edge steer drive`, a service of its own."""

    source: Source = Field(default="v4l2:/dev/video0", description="The front camera, as `source` of a `[[camera]]`.")
    loop: bool = Field(default=False, description="Play a clip again from the beginning; for trying out.")
    model: Text = Field(
        default="mainsqueeze",
        description="Name of a model that steers, or the path of one; it gives one number, the steering.",
    )
    engine: OneOrSome[Text] = Field(
        default=("auto",),
        description="Back end of the model, as `model.engine`.",
        json_schema_extra={"kind": "text or list of text", "shown": '`"auto"`'},
    )
    device: Text | None = Field(
        default=None,
        description="Device of that back end, as `model.device`.",
        json_schema_extra={"shown": "the back end's usual one"},
    )
    threads: Annotated[int, Field(ge=0, le=256)] = Field(default=1, description="CPU threads of one step.")
    hz: Annotated[float, Field(ge=20, le=60)] = Field(default=50.0, description="Cycles a second.")
    throttle: Share = Field(default=0.2, description="Throttle while it is engaged, of the full one.")
    deadman: Annotated[Text, AfterValidator(_deadman)] = Field(
        default="none",
        description="What somebody has to hold while the car drives: `none`; `hold`, which `edge steer hold` does; or "
        "`gpio:PIN`, a push button to ground. Let go, the throttle is 0 in the next cycle.",
    )
    stale_ms: Annotated[float, Field(ge=40, le=150)] = Field(
        default=150.0, description="Age of a picture above which the throttle is 0 and the steering is held."
    )
    timeout_ms: Annotated[float, Field(ge=50, le=200)] = Field(
        default=200.0, description="Age at which the steering is centred too, and a fault is latched."
    )
    smooth_ms: Annotated[float, Field(ge=0, le=1000)] = Field(
        default=30.0, description="Time constant of the low-pass on the steering; 0: none."
    )
    steering_rate: Annotated[float, Field(gt=0, le=100)] = Field(
        default=8.0, description="Most that the steering (-1 to 1) changes in a second."
    )
    throttle_rate: Annotated[float, Field(gt=0, le=100)] = Field(
        default=2.0, description="Most that the throttle grows in a second; it falls to 0 at once."
    )
    actuator: Literal["null", "pca9685", "servo", "serial", "mqtt"] = Field(
        default="null",
        description="What moves the car: `null` nothing, `pca9685`, `servo` (pins, by gpiozero), `serial`, or `mqtt`: "
        "commands for a car elsewhere.",
    )
    mqtt: bool = Field(
        default=True,
        description="Take orders and tell the state over the broker of `[mqtt]`, where there is one; the loss of it "
        "disarms.",
    )
    broker_ms: Annotated[float, Field(ge=50, le=5000)] = Field(
        default=120.0,
        description="How long the broker may owe an answer, while the car drives, before it counts as lost; more over "
        "a shaky radio link, at the price of a later stop.",
    )
    pca9685: Pca9685 = Field(default_factory=Pca9685, description='For `actuator = "pca9685"`.')
    servo: Servo = Field(default_factory=Servo, description='For `actuator = "servo"`.')
    serial: Serial = Field(default_factory=Serial, description='For `actuator = "serial"`.')

    @model_validator(mode="after")
    def _older(self) -> SteerTable:
        if self.timeout_ms <= self.stale_ms:
            raise fault("must be above `stale_ms`", key="timeout_ms")
        return self
