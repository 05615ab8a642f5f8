"""Whether network cameras answer, asked as the daemon asks: opened, and closed again."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as OutOfTime
from time import monotonic

from edge.capture.sources import open_source
from edge.config.schema import Camera
from edge.doctor.verdict import Verdict
from edge.errors import EdgeError

CAMERA_S = 5.0


def look(cameras: Sequence[Camera]) -> list[Verdict]:
    """A verdict for each RTSP camera. All are opened at once, so that many that are away take no longer than one."""
    asked = [(camera, _opening(camera.address)) for camera in cameras if camera.source.startswith("rtsp")]
    until = monotonic() + CAMERA_S
    return [_verdict(camera, answer, until) for camera, answer in asked]


def _opening(url: str) -> Future[str]:
    """Open and close it in a thread of its own, which may outlast the doctor: a time-out of FFmpeg ends it."""
    answer: Future[str] = Future()

    def ask() -> None:
        try:
            source = open_source(url)
        except EdgeError as fault:
            answer.set_exception(fault)
        else:
            source.close()
            answer.set_result("answers")

    threading.Thread(target=ask, name="doctor", daemon=True).start()
    return answer


def _verdict(camera: Camera, answer: Future[str], until: float) -> Verdict:
    name, url = f"camera {camera.name}", camera.shown
    try:
        return Verdict(name, "ok", f"{url} {answer.result(max(0.0, until - monotonic()))}")
    except OutOfTime:
        found = f"{url}: no answer within {CAMERA_S:.0f} s"
    except EdgeError as fault:
        found = str(fault)
    return Verdict(name, "fail", found, "docs/how-to/rtsp-camera.md says what helps")
