"""Network cameras: `rtsp://` and `rtsps://`, over TCP.

All time-outs are set: left alone, FFmpeg waits for good on a camera that froze, and minutes for a name server.
"""

from __future__ import annotations

import socket
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as OutOfTime
from urllib.parse import urlsplit

from av.error import EOFError as EndOfFile
from av.error import FFmpegError, InvalidDataError
from av.error import OSError as InputOutputError

from edge.capture.container import ContainerSource
from edge.config.secrets import mask_url
from edge.errors import CameraError

OPEN_S = 8.0
READ_S = 4.0
RESOLVE_S = 5.0

_HINTS: dict[type[FFmpegError], str] = {
    InvalidDataError: "what is there gave no RTSP answer; is that the camera's RTSP port, and is it awake?",
    EndOfFile: "it hung up before it had answered",
}
_TLS_HINTS = _HINTS | {InputOutputError: "the encrypted connection failed; does it speak rtsps:// on that port?"}


def open_rtsp(url: str) -> ContainerSource:
    """Connect. Raises CameraError in one line, credentials masked, within RESOLVE_S + OPEN_S seconds."""
    _resolve(url)
    return ContainerSource(
        url,
        name=mask_url(url),
        fault=CameraError,
        live=True,
        options={
            "rtsp_transport": "tcp",
            "allowed_media_types": "video",  # sound would hide that the pictures stopped
            "timeout": str(int(READ_S * 1e6)),
            "fflags": "nobuffer",
            "flags": "low_delay",
        },
        timeout=(OPEN_S, READ_S),
        stall=READ_S,
        hints=_TLS_HINTS if url.startswith("rtsps") else _HINTS,
    )


def _resolve(url: str) -> None:
    """Make sure that the host's name resolves: FFmpeg would ask three times, each in its own time.

    FFmpeg is given the name all the same, for certificates and virtual hosts. A name server that is away keeps the
    asking thread for tens of seconds; it holds nothing, and is left to itself.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 554
    except ValueError:
        raise CameraError(f"{mask_url(url)}: not a valid URL") from None
    found: Future[None] = Future()

    def ask() -> None:
        try:
            socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            found.set_exception(error)
        else:
            found.set_result(None)

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        found.result(RESOLVE_S)
    except OutOfTime:
        why = "the name server does not answer"
    except socket.gaierror as error:
        why = error.strerror or "unknown"
    except (OSError, UnicodeError):
        why = "not a valid name"
    else:
        return
    raise CameraError(f"{mask_url(url)}: the name {host} cannot be resolved: {why}")
