"""The cameras and the zones of their pictures: `[[camera]]`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr, model_validator

from edge.config.fields import Label, Many, Polygon, Share, Some, Source, TopicName, fault
from edge.config.schema.alarm import EVERY_MODE, Delay, Mode
from edge.config.schema.base import Table
from edge.config.secrets import mask_url
from edge.config.source import with_login


class Zone(Table):
    """A part of a camera's picture that has a name."""

    name: TopicName = Field(description="Name of the zone; cameras and zones share one set of names.")
    points: Polygon = Field(
        description="Corners in order, each `[x, y]` from 0 (left, top) to 1 (right, bottom) of the picture."
    )

    alarm_modes: Many[Mode] | None = Field(
        default=None,
        description="In which armed modes somebody in this zone sets the alarm off; `[]` is never.",
        json_schema_extra={"shown": "the camera's"},
    )
    entry_delay_s: Delay | None = Field(
        default=None,
        description="Seconds from an intrusion here to the alarm; 0 triggers at once.",
        json_schema_extra={"shown": "that of `[alarm]`"},
    )
    exit_delay_s: Delay | None = Field(
        default=None,
        description="Seconds from arming until this zone counts.",
        json_schema_extra={"shown": "that of `[alarm]`"},
    )


class Camera(Table):
    """A camera, or a clip that stands for one."""

    name: TopicName = Field(description="Name of the camera: lower-case letters, digits and `_`.")
    source: Source = Field(
        repr=False,
        description="Where pictures come from: `file:PATH`, `rtsp://...`, `rtsps://...`, `v4l2:/dev/video0`, "
        "`synthetic:`. `picamera:0`, `gst:PIPELINE` and `jetson:0` come with a later release.",
    )
    username: str | None = Field(default=None, description="User name for an RTSP camera, instead of one in the URL.")
    password: SecretStr | None = Field(
        default=None, description="Password for an RTSP camera, instead of one in the URL."
    )
    loop: bool = Field(default=False, description="Play a `file:` source again from its start when it ends.")
    enabled: bool = Field(default=True, description="Watch this camera; `false` keeps its settings and opens nothing.")
    labels: Some[Label] = Field(
        default=("person",),
        description='What to look for. `["motion"]` alone needs no model: every movement is an event.',
    )
    min_score: Share | None = Field(
        default=None,
        description="Least score of a detection; higher misses more and errs less. Unset: the model's own.",
    )
    max_fps: Annotated[float, Field(gt=0, le=240)] | None = Field(
        default=None, description="Most pictures a second to look at; those between are dropped. Unset: all that come."
    )
    alarm_modes: Many[Mode] = Field(
        default=EVERY_MODE,
        description="In which armed modes somebody in none of its zones sets the alarm off; `[]` is never.",
    )
    zone: Many[Zone] = Field(default=(), description="Zones of this camera.")

    @model_validator(mode="after")
    def _whole_login(self) -> Camera:
        given = {key for key in ("username", "password") if getattr(self, key) is not None}
        if given and not self.source.startswith(("rtsp:", "rtsps:")):
            raise fault(f"`{min(given)}` is for rtsp sources only", key=min(given))
        if len(given) == 1:
            other = ({"username", "password"} - given).pop()
            raise fault(f"`{min(given)}` needs `{other}` beside it", key=min(given))
        return self

    @property
    def address(self) -> str:
        """The source with `username` and `password` put into its URL: for the one who opens it, never for a log."""
        if self.username is None or self.password is None:
            return self.source
        return with_login(self.source, self.username, self.password.get_secret_value())

    @property
    def shown(self) -> str:
        """The source as people may see it, credentials masked."""
        return mask_url(self.source)
