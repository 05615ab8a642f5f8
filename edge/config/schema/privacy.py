"""What pictures show, and what is told and leaves the device: `[privacy]`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from edge.config.schema.base import Table


class Privacy(Table):
    """What pictures show, and what is told and leaves the device."""

    blur: Literal["none", "faces", "people", "skeleton"] = Field(
        default="none",
        description="What is made unrecognisable in every picture, the live page's too: `faces` is the upper part of "
        "each person found, `people` all of them; where motion alone is wanted, all that moves. `skeleton` shows "
        "nothing of what the camera sees: skeletons and boxes on a plain ground. Stops clips.",
    )
    clips: bool = Field(
        default=False, description="Keep clips in spite of `blur`: they show what the camera sees. Not with `skeleton`."
    )
    when_disarmed: bool = Field(
        default=False, description="Stop events and recording while the alarm is disarmed; states and counts go on."
    )
    pictures_leave: bool = Field(
        default=True,
        description="Send pictures to the broker and in mails, where these are set up; `false` keeps them here.",
    )
