"""The grammar of a camera's `source`: `kind:rest`, and what to say about one that is none."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

from edge.config.connector import Mistake, parse_connector

KINDS = {
    "file": "file:PATH",
    "rtsp": "rtsp://HOST/PATH",
    "rtsps": "rtsps://HOST/PATH",
    "v4l2": "v4l2:/dev/video0",
    "picamera": "picamera:0",
    "jetson": "jetson:0",
    "gst": "gst:PIPELINE",
    "synthetic": "synthetic:",
}
CONNECTOR = ("picamera", "jetson")
_CLIPS = (".mp4", ".mkv", ".avi", ".mov", ".ts", ".webm", ".m4v", ".mjpeg")


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why a text is no source, and what to write instead (None where nobody can tell)."""

    message: str
    help: str | None


def flaw(source: str) -> Flaw | None:
    """What is wrong with a source, None for one that this release can open as far as its text tells."""
    kind, colon, rest = source.partition(":")
    if not colon or kind not in KINDS:
        return Flaw("not a camera source", _guess(source, kind if colon else ""))
    if kind in ("rtsp", "rtsps"):
        return _flaw_of_url(source)
    if kind == "file" and not rest:
        return Flaw("`file:` needs the path of a clip", None)
    if kind == "v4l2" and not rest.startswith("/dev/"):
        return Flaw(
            "`v4l2:` needs the path of a device", f"did you mean `v4l2:/dev/video{rest if rest.isdigit() else 0}`?"
        )
    if kind in CONNECTOR:
        return _flaw_of_connector(kind, rest)
    if kind == "gst":
        return _flaw_of_pipeline(rest)
    if kind == "synthetic" and rest:
        return Flaw("`synthetic:` takes nothing after the colon", "did you mean `synthetic:`?")
    return None


def with_login(url: str, username: str, password: str) -> str:
    """The URL with a user name and password in it, percent-encoded; any login that it had is replaced."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(username, safe='')}:{quote(password, safe='')}@{host}"))


def _flaw_of_url(url: str) -> Flaw | None:
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return Flaw("not a valid URL", "a user name or password with special characters goes in `username`/`password`")
    if not url.startswith(f"{parts.scheme}://") or not host:
        return Flaw("the URL names no host", f"write `{KINDS[parts.scheme]}`")
    return None


def _flaw_of_connector(kind: str, rest: str) -> Flaw | None:
    try:
        parse_connector(kind, rest)
    except Mistake as mistake:
        return Flaw(*mistake.args)
    return None


def _flaw_of_pipeline(pipeline: str) -> Flaw | None:
    """What its text alone tells; the rest GStreamer says when the pipeline is made."""
    if not pipeline.strip(" !"):
        return Flaw("`gst:` needs a pipeline", "`gst:v4l2src device=/dev/video0 ! jpegdec`, for example")
    if pipeline.rstrip().endswith("!"):
        return Flaw("the pipeline ends with a `!`", "leave the last one out: what takes the pictures is added")
    if "appsink" in pipeline:
        return Flaw("the pipeline has an `appsink`", "end it before: what takes the pictures is added")
    return None


def _guess(source: str, kind: str) -> str:
    if source.startswith("/dev/video"):
        return f"did you mean `v4l2:{source}`?"
    if source.lower().endswith(_CLIPS) and "://" not in source:
        return f"did you mean `file:{source}`?"
    near = difflib.get_close_matches(kind, KINDS.keys() - {"rtsps"}, 1)
    return f"did you mean `{KINDS[near[0]]}`?" if near else "a source is one of " + _forms()


def _forms() -> str:
    return ", ".join(f"`{form}`" for form in KINDS.values())
