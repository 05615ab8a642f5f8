"""This device: `[node]`."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from edge.config.fields import FilePath, Name, Timezone
from edge.config.schema.base import Table, together

STATE_FOLDER = Path("/var/lib/edge")


def _host_name() -> str:
    """The machine's name as a node name."""
    return re.sub(r"[^a-z0-9_]+", "_", socket.gethostname().partition(".")[0].lower()).strip("_") or "edge"


def default_data_folder() -> Path:
    """systemd's $STATE_DIRECTORY, else /var/lib/edge where this user may write there, else the user's own folder."""
    if given := os.environ.get("STATE_DIRECTORY"):
        return Path(given.partition(":")[0])
    if os.access(STATE_FOLDER, os.W_OK | os.X_OK):
        return STATE_FOLDER
    home = os.environ.get("XDG_DATA_HOME")
    return (Path(home) if home else Path.home() / ".local" / "share") / "edge"


class Node(Table):
    """What this device is called, where it stands, and where it keeps what it stores."""

    name: Name = Field(
        default_factory=_host_name,
        description="What this device is called in events and in Home Assistant.",
        json_schema_extra={"shown": "the machine's host name"},
    )
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = Field(
        default=None, description="Degrees north of the equator (south negative), for sunrise and sunset."
    )
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = Field(
        default=None, description="Degrees east of Greenwich (west negative), for sunrise and sunset."
    )
    timezone: Timezone | None = Field(
        default=None,
        description="Time zone of the house, e.g. `Europe/Berlin`: of the schedule, the quiet hours, and times in "
        "mails and on the command line.",
        json_schema_extra={"shown": "the machine's"},
    )
    data: FilePath = Field(
        default_factory=default_data_folder,
        description="Folder of the database, snapshots and the alarm's state.",
        json_schema_extra={"shown": "`$STATE_DIRECTORY`, else `/var/lib/edge`, else `~/.local/share/edge`"},
    )

    @model_validator(mode="after")
    def _whole_place(self) -> Node:
        together(self, "latitude", "longitude")
        return self
