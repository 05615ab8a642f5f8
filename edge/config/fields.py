"""The kinds of values that the configuration has, and what to say about one that is none of its kind."""

from __future__ import annotations

import ipaddress
import re
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, TypeAlias, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from edge import hours
from edge.config.source import flaw
from edge.localtime import zone_of
from edge.polygons import crosses_itself

T = TypeVar("T")
RESERVED = frozenset({"available", "events", "alarm", "restart", "steer", "stats"})
BANNED_LABELS = frozenset(
    ["all", "posture", "status", "enabled", "detect", "pose", "notifications", "snapshots", "tamper"]
)
_ADDRESS = re.compile(r"[^\s<>@,;]+@[^\s<>@,;]+|[^\r\n<>]*<[^\s<>@,;]+@[^\s<>@,;]+>")


def fault(message: str, help: str | None = None, key: str | None = None) -> PydanticCustomError:
    """A finding for `diagnose`: key names the field to point at where the check belongs to a whole table.

    The text travels in the context, since pydantic would format braces in a message.
    """
    return PydanticCustomError("edge", "{message}", {"message": message, "help": help or "", "key": key or ""})


def _name(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9_]+", value):
        better = re.sub(r"[^a-z0-9_]+", "_", value.lower()).strip("_")
        raise fault("only a-z, 0-9 and _ are allowed", f"did you mean `{better}`?" if better else None)
    return value


def _topic_name(value: str) -> str:
    if value in RESERVED:
        raise fault(f"`{value}` is a topic of its own, no camera or zone can have this name")
    return _name(value)


def _topic_path(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*", value):
        raise fault("not a topic: levels of letters, digits, `_` and `-`, with `/` between them")
    return value


def spelt(label: str) -> str:
    """A label in the spelling of topics, in which all that comes after the detector speaks of it."""
    return re.sub(r"[^a-z0-9_]", "_", label.strip().lower())


def _label(value: str) -> str:
    topic = spelt(value)
    if not topic:
        raise fault("a label cannot be empty")
    if topic in BANNED_LABELS:
        raise fault(f"`{topic}` is a topic of its own, no label can have this name")
    return topic


def _told(value: str) -> str:
    """What events are about is more than what a camera can be told to look for."""
    return "tamper" if spelt(value) == "tamper" else _label(value)


def _source(value: str) -> str:
    if found := flaw(value):
        raise fault(found.message, found.help)
    return value


def _some(values: tuple[T, ...]) -> tuple[T, ...]:
    # Not pydantic's min_length: that counts only the valid ones and would complain once more where one is not.
    if not values:
        raise fault("cannot be empty")
    return values


def _texts(value: object) -> object:
    """One text, or a list of different ones."""
    texts = list(value) if isinstance(value, (list, tuple)) else [value]
    if not texts or not all(isinstance(text, str) and text for text in texts):
        raise fault("must be a text, or a list of texts")
    if len(set(texts)) < len(texts):
        raise fault("names one twice")
    return tuple(texts) if len(texts) > 1 else texts[0]


def _polygon(points: tuple[Point, ...]) -> tuple[Point, ...]:
    if len(points) < 3:
        raise fault("needs at least 3 corners")
    if len(points) > 3 and crosses_itself(points):
        raise fault("the outline crosses itself", "walk around it, one point a corner, in order")
    turned = (*points[1:], points[0])
    twice_area = sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(points, turned, strict=True))
    if abs(twice_area) < 1e-6:
        raise fault("the points enclose no area", "walk around it, one point a corner")
    return points


def _outlines(value: object) -> object:
    """Lists for tuples, and a word about one outline that stands where a list of them belongs."""
    first = value[0] if isinstance(value, list) and value else None
    if isinstance(first, list) and first and isinstance(first[0], (int, float)):
        raise fault("this is a single outline, and a list of them is wanted", "write `[[[x, y], ...], ...]`")
    return _frozen(value)


def _way(points: tuple[Point, ...]) -> tuple[Point, ...]:
    if len(points) < 2:
        raise fault("needs two ends", "write `points = [[x, y], [x, y]]`")
    if any(a == b for a, b in pairwise(points)):
        raise fault("two points in a row are the same")
    return points


def _topic(value: str) -> str:
    if not value or len(value) > 256 or any(c in value for c in "+#\0\n\r") or value.startswith(("/", "$")):
        raise fault("not a topic to publish to", "write it whole, without wildcards: `zigbee2mqtt/siren/set`")
    return value


def _zone(value: str) -> str:
    try:
        zone_of(value)
    except ValueError:
        raise fault(f"no time zone `{value}`", "write a name such as `Europe/Berlin`") from None
    return value


def _address(value: str) -> str:
    if not _ADDRESS.fullmatch(value):
        raise fault("not a mail address", "write `name@example.org`")
    return value


def _hours(value: str) -> str:
    try:
        hours.parse(value)
    except ValueError as problem:
        raise fault(str(problem), "write `23:00-07:00`, or with days `fri,sat 23:00-09:00`") from None
    return value


def _frozen(value: object) -> object:
    """TOML gives lists where the models hold tuples. pydantic's own way, `Strict(False)`, is younger than 2.5."""
    return tuple(value) if isinstance(value, list) else value


def _listed(value: object) -> object:
    """One value stands for a list of one."""
    return _frozen(value) if isinstance(value, (list, tuple)) else (value,)


def _path(value: object) -> object:
    return Path(value) if isinstance(value, str) else value


def _version(value: object) -> object:
    """`version = 5` without quotes is what people write."""
    return "5" if value == 5 and not isinstance(value, bool) else value


def _days(value: object) -> object:
    """Days as a number; `"36h"` and `"14d"` are what people write, too."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise fault("not a time", 'write a number of days, or `"36h"`')
    if isinstance(value, str):
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([hd])\s*", value)
        if found is None:
            raise fault("not a time", 'write a number of days, or text such as `"36h"` or `"14d"`')
        value = float(found[1]) / (24 if found[2] == "h" else 1)
    if not 0 < value <= 36_500:
        raise fault("must be above 0, and at most 100 years")
    return float(value)


def _server(value: str) -> str:
    try:
        address = urlsplit(value)
        # An `@` behind the host is a password with a `/` in it, of which the rest would be taken for a path and shown.
        usable = address.scheme in ("http", "https") and bool(address.hostname) and address.port != 0
        usable = usable and "@" not in address.path + address.query + address.fragment
    except ValueError:
        usable = False
    if not usable:
        raise fault("not the address of a server", "write `http://HOST:PORT` or `https://HOST:PORT`")
    return value


def _host(value: str) -> str:
    """A machine's name or address alone: with a scheme or a port in it, it would be looked up as one strange name."""
    bare, _, port = value.rpartition(":")
    if "/" not in value and (":" not in value or _is_ipv6(value)):
        return value
    if "://" in value:
        advice = "write `host = ...` without the part up to `://`, and the port as `port = ...`"
    elif port.isdigit() and (":" not in bare or bare.startswith("[")):
        advice = f'write `host = "{bare.strip("[]")}"` and `port = {port}`'
    else:
        advice = "write `host = ...` and `port = ...`"
    raise fault("not the name or address of a machine alone", advice)


def _is_ipv6(value: str) -> bool:
    bare = value[1:-1] if value.startswith("[") and value.endswith("]") else value
    try:
        return ipaddress.ip_address(bare).version == 6
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """Whether a bind address reaches no further than this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


Many: TypeAlias = Annotated[tuple[T, ...], BeforeValidator(_frozen)]
OneOrMany: TypeAlias = Annotated[tuple[T, ...], BeforeValidator(_listed)]
Some: TypeAlias = Annotated[Many[T], AfterValidator(_some)]
OneOrSome: TypeAlias = Annotated[OneOrMany[T], AfterValidator(_some)]
TextOrTexts: TypeAlias = Annotated[str | tuple[str, ...], BeforeValidator(_texts)]

Text: TypeAlias = Annotated[str, Field(min_length=1)]
Name: TypeAlias = Annotated[str, AfterValidator(_name)]
TopicName: TypeAlias = Annotated[str, AfterValidator(_topic_name)]
TopicPath: TypeAlias = Annotated[str, AfterValidator(_topic_path)]
Label: TypeAlias = Annotated[str, AfterValidator(_label)]
Told: TypeAlias = Annotated[str, AfterValidator(_told)]
Source: TypeAlias = Annotated[str, AfterValidator(_source)]
Topic: TypeAlias = Annotated[str, AfterValidator(_topic)]
Timezone: TypeAlias = Annotated[str, AfterValidator(_zone)]
Address: TypeAlias = Annotated[str, AfterValidator(_address)]
HoursOfDay: TypeAlias = Annotated[str, AfterValidator(_hours)]
Host: TypeAlias = Annotated[Text, AfterValidator(_host)]
Server: TypeAlias = Annotated[str, AfterValidator(_server)]
FilePath: TypeAlias = Annotated[Path, BeforeValidator(_path)]
Port: TypeAlias = Annotated[int, Field(ge=1, le=65535)]
Days: TypeAlias = Annotated[float, BeforeValidator(_days)]
Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]
Ratio: TypeAlias = Annotated[float, Field(ge=0)]
Point: TypeAlias = Annotated[tuple[Share, Share], BeforeValidator(_frozen)]
Polygon: TypeAlias = Annotated[Many[Point], AfterValidator(_polygon)]
Outlines: TypeAlias = Annotated[tuple[Polygon, ...], BeforeValidator(_outlines)]
Way: TypeAlias = Annotated[Many[Point], AfterValidator(_way)]
MqttVersion: TypeAlias = Annotated[Literal["5", "3.1.1"], BeforeValidator(_version)]
