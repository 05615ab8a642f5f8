"""The grammar of a camera on the board's own connector: `picamera:N` and `jetson:N`, with settings behind a `?`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Hdr = Literal["off", "sensor", "single", "multi", "night"]
SIDES = 64, 4096
FPS = 0.5, 240.0
LONGEST_US = 1_000_000
"""Slower, or longer, and a camera that works would be taken for one that froze."""


@dataclass(frozen=True, slots=True)
class Connector:
    """A camera on the connector, and how it is to be set; None leaves a setting to the camera.

    number: which camera, from 0, as the system lists them
    size: width, height of the pictures in pixels, both even
    fps: pictures a second
    rotate: degrees by which the picture is turned; the sensor does it
    exposure_us: how long each picture is exposed, in microseconds
    gain: analogue gain of the sensor
    focus: `auto` follows what is in front; a number is 1 / metres, 0 is infinity
    hdr: `sensor` is the HDR of Camera Module 3; the others are made by a Raspberry Pi 5 out of pictures of any camera
    tuning: a tuning file by its name alone (`imx219_noir.json`) or its path
    """

    number: int
    size: tuple[int, int] = (1280, 720)
    fps: float = 30.0
    rotate: int = 0
    exposure_us: int | None = None
    gain: float | None = None
    focus: float | Literal["auto"] | None = None
    hdr: Hdr | None = None
    tuning: str | None = None


class Mistake(ValueError):
    """`args` are what is wrong and what to write instead, or None."""


def parse_connector(kind: str, rest: str) -> Connector:
    """What a source asks for; `rest` is what follows the first colon. Raises Mistake."""
    number, _, query = rest.partition("?")
    if not re.fullmatch("[0-9]{1,2}", number):
        raise Mistake(f"`{kind}:` needs the number of a camera", f"the first is `{kind}:0`")
    allowed = _KEYS if kind == "picamera" else {key: _KEYS[key] for key in ("size", "fps", "rotate")}
    given: dict[str, Any] = {}
    for pair in query.split("&") if query else ():
        key, equals, value = pair.partition("=")
        if key not in allowed:
            near = difflib.get_close_matches(key, allowed, 1)
            known = f"did you mean `{near[0]}`?" if near else "there are: " + ", ".join(allowed)
            raise Mistake(f"`{kind}:` has no such setting", known)
        field, read, form = allowed[key]
        if field in given:
            raise Mistake(f"`{key}` is given twice", None)
        try:
            given[field] = read(value) if equals else None
        except ValueError:
            given[field] = None
        if given[field] is None:
            raise Mistake(f"`{key}` is not one that a camera can have", f"write it as {form}")
    return Connector(int(number), **given)


def _size(text: str) -> tuple[int, int] | None:
    width, _, height = text.partition("x")
    size = int(width), int(height)
    return size if all(SIDES[0] <= side <= SIDES[1] and side % 2 == 0 for side in size) else None


def _rotate(text: str) -> int | None:
    return int(text) if text in ("0", "180") else None


def _between(least: float, most: float, kind: type[int] | type[float] = float) -> Callable[[str], float | None]:
    def read(text: str) -> float | None:
        value = kind(text)
        return value if least <= value <= most else None

    return read


def _focus(text: str) -> float | str | None:
    return text if text == "auto" else _between(0, 32)(text)


def _hdr(text: str) -> str | None:
    return text if text in ("off", "sensor", "single", "multi", "night") else None


_KEYS: Mapping[str, tuple[str, Callable[[str], Any], str]] = {
    "size": ("size", _size, "WIDTHxHEIGHT in even pixels: `size=1280x720`"),
    "fps": ("fps", _between(*FPS), "pictures a second, at least 0.5: `fps=15`"),
    "rotate": ("rotate", _rotate, "`rotate=180`, or leave it out"),
    "exposure": ("exposure_us", _between(1, LONGEST_US, int), "microseconds, at most a second: `exposure=10000`"),
    "gain": ("gain", _between(1, 64), "a number from 1: `gain=2`"),
    "focus": ("focus", _focus, "`focus=auto`, or 1 / metres: `focus=0.5` is two metres"),
    "hdr": ("hdr", _hdr, "`hdr=sensor`, `hdr=single`, `hdr=multi`, `hdr=night` or `hdr=off`"),
    "tuning": ("tuning", lambda text: text or None, "a tuning file: `tuning=imx219_noir.json`"),
}
