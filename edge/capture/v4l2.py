"""USB and other V4L2 cameras: `v4l2:/dev/video0`."""

from __future__ import annotations

from pathlib import Path

from edge.capture.container import ContainerSource
from edge.errors import CameraError

READ_S = 5.0


def open_v4l2(device: str) -> ContainerSource:
    """Open a camera. Raises CameraError in one line if it is absent, busy or not permitted."""
    if not Path(device).exists():
        raise CameraError(f"{device}: no such device; `edge doctor` lists the cameras that are here")
    return ContainerSource(
        device, name=device, fault=CameraError, live=True, form="video4linux2", timeout=(READ_S, READ_S)
    )
