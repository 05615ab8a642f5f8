"""USB and other V4L2 cameras: `v4l2:/dev/video0`."""

from __future__ import annotations

from pathlib import Path

from edge.capture.container import ContainerSource
from edge.errors import CameraError
from edge.paths import GONE, unreadable

READ_S = 5.0


def open_v4l2(device: str) -> ContainerSource:
    """Open a camera. Raises CameraError in one line if it is absent, busy or not permitted."""
    problem = unreadable(Path(device))
    if problem:
        said = "no such device" if problem == GONE else problem
        raise CameraError(f"{device}: {said}; `edge doctor` lists the cameras that are here")
    return ContainerSource(
        device,
        name=device,
        fault=CameraError,
        live=True,
        form="video4linux2",
        timeout=(READ_S, READ_S),
        stall=READ_S,
    )
