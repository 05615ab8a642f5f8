"""Every key of `edge.toml`: its type, default and meaning. `docs/reference/config.md` is generated from these models.

The only module that knows pydantic besides its two readers, `load` and `diagnose`. Models are strict (a port is a
number, not text that looks like one), frozen, and refuse keys that they do not know. What needs more than one table to
judge (names that clash, files that are missing) is in `checks`.
"""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from edge.config.fields import (
    Address,
    FilePath,
    Label,
    Many,
    MqttVersion,
    Name,
    OneOrMany,
    OneOrSome,
    Polygon,
    Port,
    Server,
    Share,
    Some,
    Source,
    Text,
    TopicName,
    fault,
    is_loopback,
)
from edge.config.secrets import mask_url
from edge.config.source import with_login

DEFAULT_MODEL = "ssdlite-pedestrian"
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


def _tls(value: object) -> object:
    """`true` is a table with nothing set, `false` none."""
    if value is True:
        return {}
    if value is False:
        return None
    if value is None or isinstance(value, (dict, Tls)):
        return value
    raise fault("must be true, false or a table", 'write `tls = true` or `tls = {ca = "ca.pem"}`')


def _together(table: Table, first: str, second: str) -> None:
    """Refuse one of two keys without the other."""
    given = [key for key in (first, second) if getattr(table, key) is not None]
    if len(given) == 1:
        other = second if given == [first] else first
        raise fault(f"`{given[0]}` needs `{other}` beside it", key=given[0])


class Table(BaseModel):
    """What all tables share: strict, frozen, no unknown keys, no NaN."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)


class Node(Table):
    """This device."""

    name: Name = Field(
        default_factory=_host_name,
        description="What this device is called in events and in Home Assistant.",
        json_schema_extra={"shown": "the machine's host name"},
    )
    data: FilePath = Field(
        default_factory=default_data_folder,
        description="Folder of the database, snapshots and the alarm's state.",
        json_schema_extra={"shown": "`$STATE_DIRECTORY`, else `/var/lib/edge`, else `~/.local/share/edge`"},
    )


class Zone(Table):
    """A part of a camera's picture that has a name."""

    name: TopicName = Field(description="Name of the zone; cameras and zones share one set of names.")
    points: Polygon = Field(
        description="Corners in order, each `[x, y]` from 0 (left, top) to 1 (right, bottom) of the picture."
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


class Model(Table):
    """The model that finds objects."""

    name: Text = Field(
        default=DEFAULT_MODEL,
        description="Name of a model in the catalogue (`edge models list`), or the path of a model file.",
    )
    engine: OneOrSome[Text] = Field(
        default=("auto",),
        description="Back end: `auto`, a name from `edge engines`, or a list in order of preference: the daemon falls "
        "over to the next when one is lost, and goes back when it returns.",
        json_schema_extra={"kind": "text or list of text", "shown": '`"auto"`'},
    )
    threads: Annotated[int, Field(ge=0, le=256)] = Field(
        default=0, description="CPU threads of one inference; 0: the cores, four at most."
    )
    device: Text | None = Field(
        default=None,
        description="Device of the back end, of the first of a list; such as `GPU`, `CUDA`, `EDGETPU`. One that is not "
        "there is an error.",
        json_schema_extra={"shown": "the back end's usual one"},
    )
    precision: Literal["f32", "f16", "bf16"] = Field(
        default="f32",
        description="Of the computation, where the back end lets it be chosen; less is faster, not equal.",
    )
    min_score: Share | None = Field(
        default=None, description="Least score of a detection, for cameras that set none. Unset: the manifest's."
    )
    manifest: FilePath | None = Field(
        default=None, description="Manifest of a model file that has none beside it: decoder, input, labels."
    )


class Kserve(Table):
    """A server of the Open Inference Protocol (Triton, KServe, OpenVINO Model Server). Pictures leave this device."""

    url: Server | None = Field(
        default=None, repr=False, description="Address of the server, e.g. `http://192.168.1.5:8000`."
    )
    model: Text | None = Field(
        default=None,
        description="Name of the model there, `NAME` or `NAME/VERSION`.",
        json_schema_extra={"shown": "the model file's name without its ending"},
    )


class Movidius(Table):
    """A Myriad X stick, whose last drivers need an older Python in a process of its own."""

    python: FilePath | None = Field(
        default=None, description="The interpreter that has OpenVINO 2021.4 or 2022.3, e.g. `/opt/myriad/bin/python`."
    )


class Engine(Table):
    """What some back ends need to be told."""

    timeout_s: Annotated[float, Field(gt=0, le=60)] = Field(
        default=5.0, description="Most seconds that a back end in another process or on a server may take for one run."
    )
    kserve: Kserve = Field(default_factory=Kserve, description="A server that runs models.")
    movidius: Movidius = Field(default_factory=Movidius, description="A Myriad X stick.")


class CropTable(Table):
    """Whether the model sees whole frames or crops around what moves."""

    policy: Literal["auto", "frame", "crop"] = Field(
        default="auto",
        description="`frame`: whole frames. `crop`: crops around what moves and what is followed, magnified by a model "
        "of one size, which finds people farther away. `auto`: crops where they cost less, with a model of open size.",
    )


class AlarmTable(Table):
    """Whether events alert anybody."""

    armed_at_first_start: bool = Field(
        default=False, description="State of the very first start; afterwards the last state is kept."
    )


class Tls(Table):
    """Encryption to the broker."""

    ca: FilePath | None = Field(default=None, description="Authorities to trust (PEM). Unset: the system's.")
    cert: FilePath | None = Field(default=None, description="Our certificate (PEM), for brokers that ask for one.")
    key: FilePath | None = Field(default=None, description="Key of that certificate (PEM).")

    @model_validator(mode="after")
    def _pair(self) -> Tls:
        _together(self, "cert", "key")
        return self


class Mqtt(Table):
    """The broker that events and states go to."""

    host: Text | None = Field(default=None, description="Name or address of the broker. Unset: no MQTT.")
    port: Port = Field(default=1883, description="Port of the broker; with TLS usually 8883.")
    username: str | None = Field(default=None, description="User name, where the broker asks for one.")
    password: SecretStr | None = Field(default=None, description="Password of that user.")
    prefix: Name = Field(default="edge", description="First level of every topic.")
    tls: Annotated[Tls | None, BeforeValidator(_tls)] = Field(
        default=None,
        description="`true` encrypts and checks the broker against the system's authorities; a table names files.",
        json_schema_extra={"shown": "`false`"},
    )
    version: MqttVersion = Field(
        default="5", description="MQTT version; version 5 tells when a broker refuses a message."
    )

    @model_validator(mode="after")
    def _user_first(self) -> Mqtt:
        if self.password is not None and self.username is None:
            raise fault("`password` needs `username` beside it", key="password")
        return self


class Email(Table):
    """Mail with a picture when something happens while armed."""

    host: Text | None = Field(default=None, description="Name or address of the mail server. Unset: no mail.")
    port: Port = Field(default=587, description="Port of the mail server.")
    username: str | None = Field(default=None, description="User name, where the server asks for one.")
    password: SecretStr | None = Field(
        default=None, description="Password of that user; use an app password where there is one."
    )
    sender: Address | None = Field(
        default=None, alias="from", description="Address that mails come from. Needed with `host`."
    )
    to: OneOrMany[Address] = Field(
        default=(),
        description="Address, or list of addresses, that mails go to. Needed with `host`.",
        json_schema_extra={"kind": "text or list of text"},
    )
    starttls: bool = Field(
        default=True, description="Encrypt before logging in; `false` only for a server on this machine."
    )
    ca: FilePath | None = Field(
        default=None, description="Authority that signed the mail server's certificate (PEM). Unset: the system's."
    )
    throttle_s: Annotated[float, Field(ge=0)] = Field(
        default=60.0, description="Least seconds between two mails of one camera; 0 sends one for every event."
    )

    @model_validator(mode="after")
    def _complete(self) -> Email:
        if self.host is not None and self.sender is None:
            raise fault("`from` is missing", 'write `from = "edge@example.org"`', key="host")
        if self.host is not None and not self.to:
            raise fault("`to` is missing", 'write `to = "you@example.org"`', key="host")
        if self.password is not None and self.username is None:
            raise fault("`password` needs `username` beside it", key="password")
        return self


class Jsonl(Table):
    """Events as lines of JSON in a file, for other programs on this device."""

    path: FilePath | None = Field(
        default=None, description="File that every event is appended to, a line each. Unset: none is written."
    )


class Web(Table):
    """The page in the browser."""

    enabled: bool = Field(default=True, description="Serve the page.")
    host: Text = Field(
        default="127.0.0.1", description="Address to listen on. Beyond this machine it needs `cert` and `key`."
    )
    port: Port = Field(default=8099, description="Port to listen on.")
    cert: FilePath | None = Field(
        default=None, description="Certificate (PEM), with `key`: the page is then served by https."
    )
    key: FilePath | None = Field(default=None, description="Key of the certificate (PEM).")
    insecure: bool = Field(
        default=False, description="Allow a page without TLS beyond this machine: passwords can be read."
    )
    metrics: bool = Field(
        default=False, description="Serve `/metrics` in Prometheus text to anybody who reaches the port."
    )
    allowed_hosts: Many[Text] = Field(
        default=(), description="Further host names under which the page may be called; others are refused."
    )

    @model_validator(mode="after")
    def _safe(self) -> Web:
        _together(self, "cert", "key")
        if self.enabled and self.cert is None and not self.insecure and not is_loopback(self.host):
            advice = "set `cert` and `key`, or `insecure = true` if everybody on the network may read along"
            raise fault(f"`{self.host}` is reached from other machines and has no TLS", advice, key="host")
        return self


class Config(Table):
    """The whole file. Tables that are absent have their defaults; `camera` holds at least one."""

    node: Node = Field(default_factory=Node, description="This device.")
    camera: Some[Camera] = Field(description="The cameras, one `[[camera]]` table each.")
    model: Model = Field(default_factory=Model, description="The model that finds objects.")
    crop: CropTable = Field(default_factory=CropTable, description="What the model sees of a frame.")
    engine: Engine = Field(default_factory=Engine, description="What some back ends need to be told.")
    alarm: AlarmTable = Field(default_factory=AlarmTable, description="Whether events alert anybody.")
    mqtt: Mqtt = Field(default_factory=Mqtt, description="The broker that events and states go to.")
    email: Email = Field(default_factory=Email, description="Mail with a picture when something happens.")
    jsonl: Jsonl = Field(default_factory=Jsonl, description="Events as lines of JSON in a file.")
    web: Web = Field(default_factory=Web, description="The page in the browser.")
