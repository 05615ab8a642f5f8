"""Whether events alert anybody, and who may change that: `[alarm]`."""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field, SecretStr

from edge.config.fields import Many, Some, Text, Told, Topic, fault
from edge.config.schema.base import Table
from edge.localtime import DAYS, Day

Mode: TypeAlias = Literal["home", "away", "night"]
Do: TypeAlias = Literal["disarm", "arm_home", "arm_away", "arm_night"]
Delay: TypeAlias = Annotated[float, Field(ge=0, le=600)]
EVERY_MODE: tuple[Mode, ...] = ("home", "away", "night")
_AT = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d|(?:sunrise|sunset)(?:[+-](?:(\d{1,2})h)?(?:(\d{1,3})m)?(?<![+-]))?")


def _at(value: str) -> str:
    found = _AT.fullmatch(value)
    if not found:
        raise fault("not a time of day", "write `22:30`, `sunset`, `sunrise+30m` or `sunset-1h30m`")
    if int(found[1] or 0) * 60 + int(found[2] or 0) > 12 * 60:
        raise fault("more than twelve hours from the sun", "write the time of day instead")
    return value


def _pin(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[0-9]{4,16}", value.get_secret_value()):
        raise fault("a code is 4 to 16 digits")
    return value


class AlarmCode(Table):
    """A PIN. With one, disarming wants it, from anywhere."""

    name: Text = Field(description="Whose code it is; the log names it.")
    code: Annotated[SecretStr, AfterValidator(_pin)] = Field(
        description='The code, 4 to 16 digits in quotes; best as a secret, `"${NAME}"`.'
    )


class AlarmSchedule(Table):
    """One thing that the clock does to the alarm."""

    days: Some[Day] = Field(default=DAYS, description="On which days of the week.")
    at: Annotated[str, AfterValidator(_at)] = Field(
        description="When: `22:30`, `sunset`, `sunrise+30m`, `sunset-1h`. The sun needs `latitude` and `longitude` in "
        "`[node]`."
    )
    do: Do = Field(description="What: `disarm`, `arm_home`, `arm_away` or `arm_night`. No code is needed.")


class AlarmSiren(Table):
    """Something that makes noise when a topic tells it to."""

    topic: Topic = Field(description="Whole topic of its command, e.g. `zigbee2mqtt/siren/set`.")
    on: Text = Field(default="ON", description="Payload that switches it on.")
    off: Text = Field(default="OFF", description="Payload that switches it off.")
    max_s: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=180.0, description="Most seconds that it sounds for one trigger."
    )
    modes: Some[Mode] = Field(default=EVERY_MODE, description="In which armed modes it sounds; a panic sounds all.")


class AlarmTable(Table):
    """Whether events alert anybody, and who may change that."""

    armed_at_first_start: bool = Field(
        default=False, description="State of the very first start; afterwards the last state is kept."
    )
    labels: Some[Told] | None = Field(
        default=None,
        description="What sets the alarm off; a camera must be looking for it. `tamper` and `motion` count too.",
        json_schema_extra={"shown": "`person`; `motion` at a camera that looks for nothing else"},
    )
    exit_delay_s: Delay = Field(
        default=0.0, description="Seconds from arming until it counts what is seen; 0 arms at once."
    )
    entry_delay_s: Delay = Field(
        default=0.0, description="Seconds from an intrusion to the alarm, in which to disarm; 0 triggers at once."
    )
    trigger_s: Annotated[float, Field(ge=1, le=86_400)] = Field(
        default=600.0, description="Seconds that it stays triggered; afterwards it is armed as before."
    )
    code_to_arm: bool = Field(default=False, description="Ask for a code to arm as well.")
    code: Many[AlarmCode] = Field(default=(), description="PINs, one `[[alarm.code]]` table each.")
    schedule: Many[AlarmSchedule] = Field(
        default=(), description="What the clock does, one `[[alarm.schedule]]` table each."
    )
    siren: Many[AlarmSiren] = Field(default=(), description="Sirens, one `[[alarm.siren]]` table each.")
