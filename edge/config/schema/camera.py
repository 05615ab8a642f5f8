"""The cameras and what is drawn into their pictures: `[[camera]]`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr, model_validator

from edge.config.fields import Label, Many, Outlines, Polygon, Ratio, Share, Some, Source, TopicName, Way, fault
from edge.config.schema.alarm import EVERY_MODE, Delay, Mode
from edge.config.schema.base import Table
from edge.config.secrets import mask_url
from edge.config.source import with_login
from edge.labels import MOTION


class Filter(Table):
    """Which objects of a label count in a zone. The label stands in the table's name: `[camera.zone.filter.person]`."""

    min_area: Share = Field(default=0.0, description="Least area of an object's box, as a share of the picture.")
    max_area: Share = Field(default=1.0, description="Largest area of its box, as a share of the picture.")
    min_ratio: Ratio = Field(default=0.0, description="Least width of its box by its height.")
    max_ratio: Ratio | None = Field(default=None, description="Largest width of its box by its height.")
    min_score: Share = Field(default=0.0, description="Least score: the median of what the newest 50 looks gave.")

    @model_validator(mode="after")
    def _in_order(self) -> Filter:
        for what in ("area", "ratio"):
            low, high = getattr(self, f"min_{what}"), getattr(self, f"max_{what}")
            if high is not None and low > high:
                key = f"max_{what}" if f"max_{what}" in self.model_fields_set else f"min_{what}"
                raise fault(f"`min_{what}` is above `max_{what}`: nothing would pass", key=key)
        return self


class CameraFilter(Filter):
    """Which objects of a label are told of at all: one that does not pass when it is first seen is told of once it
    does. The label stands in the table's name: `[camera.filter.person]`."""

    mask: Outlines = Field(
        default=(), description="As `object_mask`, for this label alone: a list of lists of corners."
    )


class Zone(Table):
    """A part of a camera's picture that has a name. An object is in it by the middle of the lower edge of its box."""

    name: TopicName = Field(description="Name of the zone; cameras, zones and lines share one set of names.")
    points: Polygon = Field(
        description="Corners in order, each `[x, y]` from 0 (left, top) to 1 (right, bottom) of the picture."
    )
    labels: Some[Label] | None = Field(
        default=None, description="What counts in it. Unset: all that the camera looks for."
    )
    inertia: Annotated[int, Field(ge=1, le=100)] = Field(
        default=3, description="An object enters after so many looks in a row inside, and leaves after as many outside."
    )
    loiter_s: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="Who stays for so many seconds is told of as loitering. Unset: nobody is."
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
    rest: bool = Field(
        default=False,
        description="A bed or a sofa: with `pose.enabled`, whoever lies here only rests, and has not fallen.",
    )
    filter: dict[Label, Filter] = Field(default_factory=dict, description="By label: which objects count in it.")


class Line(Table):
    """A line across a camera's picture; who crosses it with the middle of the lower edge of the box is counted. Walk
    from its first point to its last: from your left to your right is `in`, the other way `out`."""

    name: TopicName = Field(description="Name of the line; cameras, zones and lines share one set of names.")
    points: Way = Field(description="Its ends, `[[x, y], [x, y]]` from 0 to 1 of the picture; a bent line has more.")
    direction: Literal["both", "in", "out"] = Field(default="both", description="Which crossings count.")
    labels: Some[Label] | None = Field(default=None, description="Whose count. Unset: everybody's.")


class Camera(Table):
    """A camera, or a clip that stands for one."""

    name: TopicName = Field(description="Name of the camera: lower-case letters, digits and `_`.")
    source: Source = Field(
        repr=False,
        description="Where pictures come from: `file:PATH`, `rtsp://...`, `rtsps://...`, `v4l2:/dev/video0`, "
        "`picamera:0` and `jetson:0` (the board's own connector, with settings: `picamera:0?size=640x480&fps=15`), "
        "`gst:PIPELINE`, `synthetic:`.",
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
    motion_mask: Outlines = Field(
        default=(),
        description="Places in which motion counts for nothing: a clock in the picture, a tree, the road. Each is a "
        "list of corners as those of a zone.",
    )
    nuisance: bool = Field(
        default=True,
        description="Learn which places move again and again without an object ever being found there, and stop "
        "looking at them for their motion alone.",
    )
    nuisance_half_life_h: Annotated[float, Field(gt=0, le=24 * 365)] = Field(
        default=72.0,
        description="After how many hours half of what was learned about a place that moves is forgotten.",
    )
    tamper: bool = Field(
        default=True,
        description="Tell when the camera is moved, covered, blurred, blinded, sees nothing in the dark, or is lost "
        "while the alarm is armed.",
    )
    pose: bool = Field(
        default=True, description="Look for postures and falls of the people here, where `pose.enabled` is true."
    )
    tilt: Annotated[float, Field(ge=-45, le=45)] | None = Field(
        default=None,
        description="Degrees by which the camera is turned about its axis, clockwise: what stands upright leans to the "
        "left then. Unset: learned from people who walk.",
    )
    required_zones: Many[TopicName] = Field(
        default=(), description="An object is told of only once it has entered one of these. Empty: wherever it is."
    )
    object_mask: Outlines = Field(
        default=(),
        description="Where no object is looked for: a list of lists of corners. What stands there is not followed.",
    )
    filter: dict[Label, CameraFilter] = Field(
        default_factory=dict, description="By label: which objects are told of at all."
    )
    alarm_modes: Many[Mode] = Field(
        default=EVERY_MODE,
        description="In which armed modes somebody in none of its zones sets the alarm off; `[]` is never.",
    )
    zone: Many[Zone] = Field(default=(), description="Zones of this camera.")
    line: Many[Line] = Field(default=(), description="Lines of this camera.")

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
    def objects(self) -> tuple[str, ...]:
        """The labels that need a model; none where it looks for motion alone."""
        return tuple(label for label in self.labels if label != MOTION)

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
