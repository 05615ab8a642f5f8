"""Network cameras: `rtsp://` and `rtsps://`, over TCP.

Both time-outs are set: left alone, FFmpeg waits for good on a camera that froze.
"""

from __future__ import annotations

from edge.capture.container import ContainerSource
from edge.config.secrets import mask_url
from edge.errors import CameraError

OPEN_S = 8.0
READ_S = 4.0


def open_rtsp(url: str) -> ContainerSource:
    """Connect. Raises CameraError in one line, credentials masked, within OPEN_S seconds."""
    return ContainerSource(
        url,
        name=mask_url(url),
        fault=CameraError,
        live=True,
        options={
            "rtsp_transport": "tcp",
            "timeout": str(int(READ_S * 1e6)),
            "fflags": "nobuffer",
            "flags": "low_delay",
        },
        timeout=(OPEN_S, READ_S),
    )
