"""Clips of events: `[clips]`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from edge.config.schema.base import Table


class Clips(Table):
    """Clips of events, copied from the camera's stream as it came: of RTSP cameras and files, in H.264 or H.265."""

    enabled: bool = Field(default=True, description="Keep a clip of every event, of cameras that can.")
    before_s: Annotated[float, Field(ge=0, le=30)] = Field(
        default=5.0, description="Seconds before the event that a clip begins with at least."
    )
    after_s: Annotated[float, Field(ge=0, le=60)] = Field(
        default=5.0, description="Seconds after the event's end that it goes on."
    )
    longest_s: Annotated[float, Field(ge=10, le=3600)] = Field(
        default=120.0, description="Most seconds of one clip; of an event that lasts longer, the beginning is kept."
    )
    when: Literal["always", "armed"] = Field(
        default="always", description="`armed`: none while the alarm is disarmed; disarming ends what is recorded."
    )
