"""How much of the disk is used, and for how long: `[storage]`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic.config import JsonDict

from edge.config.fields import Days
from edge.config.schema.base import Table

_KIND: JsonDict = {"kind": 'days, or text such as `"36h"`'}


class Storage(Table):
    """How much of the disk is used, and for how long. Clips go first, then snapshots, then joints, the oldest
    of each."""

    quota: Annotated[float, Field(gt=0)] | None = Field(
        default=None,
        description="GB that clips, snapshots and joints may take together.",
        json_schema_extra={"shown": "10, at most half of the disk"},
    )
    keep_free: Annotated[float, Field(ge=0)] | None = Field(
        default=None,
        description="GB of the disk to leave free; clips go, and none begins, where that is not so.",
        json_schema_extra={"shown": "0.5 or 2 % of the disk, whichever is more"},
    )
    clips_days: Days = Field(default=14.0, description="How long clips are kept.", json_schema_extra=_KIND)
    snapshots_days: Days = Field(default=30.0, description="How long snapshots are kept.", json_schema_extra=_KIND)
    events_days: Days = Field(
        default=30.0,
        description="How long events are kept to be looked at; their snapshots and joints no longer than they.",
        json_schema_extra=_KIND,
    )
