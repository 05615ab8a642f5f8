"""A FAKE of picamera2: its calls have the signatures of the real package, which a test compares.

What is behind them is made up: cameras that are several, held by others, frozen, or change what they are told.
"""

from __future__ import annotations

import json
import os
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np


@dataclass
class World:
    """What the cameras are like, and what was done to them."""

    models: tuple[str, ...] = ("imx219",)
    held: bool = False
    frozen: bool = False
    broken: bool = False
    late: bool = False
    changes: dict[str, Any] = field(default_factory=dict)
    offered: tuple[str, ...] = ("FrameDurationLimits", "ExposureTime", "AnalogueGain")
    resolution: tuple[int, int] = (3280, 2464)
    frame_us: int = 33333
    out: int = 0
    given: int = 0
    open: int = 0
    hdr: list[bool] = field(default_factory=list)
    tuning: Any = None
    configured: dict[str, Any] = field(default_factory=dict)


class Job:
    def __init__(self) -> None:
        self.future: Future[Any] = Future()


class CompletedRequest:
    def __init__(self, request: Any, picam2: Any) -> None:
        self.world: World = request
        self.config = picam2.camera_configuration()
        self.world.out += 1
        self.world.given += 1
        self.released = False

    def release(self) -> None:
        assert not self.released
        self.released = True
        self.world.out -= 1

    def make_buffer(self, name: str) -> Any:
        if self.world.broken:
            raise RuntimeError("failed to find buffer")
        stream = self.config[name]
        (w, h), stride = stream["size"], stream["stride"]
        rows = np.zeros((h + h // 2, stride), np.uint8)
        rows[:h, :w] = np.arange(w) % 200 + self.world.given
        for at, value in ((h, 100), (h + h // 4, 150)):
            rows[at : at + h // 4].reshape(h // 2, stride // 2)[:, : w // 2] = value
        return rows.reshape(-1)

    def get_metadata(self) -> dict[str, Any]:
        frame = self.world.frame_us
        return {"SensorTimestamp": 10**12 + self.world.given * frame * 1000, "FrameDuration": frame}


def made_of(world: World) -> tuple[Any, Any, Any]:
    """The class of cameras, libcamera's module, and the class of Camera Module 3's HDR."""

    class Picamera2:
        def __init__(self, camera_num: int = 0, verbose_console: Any = None, tuning: Any = None, allocator: Any = None):
            self.is_open = False
            self.notifyme_r, self.notifyme_w = os.pipe2(os.O_NONBLOCK)
            self.notifymeread = os.fdopen(self.notifyme_r, "rb")
            if camera_num >= len(world.models):
                raise RuntimeError(f"No camera number {camera_num} found")
            if world.held:
                try:
                    raise RuntimeError("Failed to acquire camera: Device or resource busy")
                except RuntimeError as fault:
                    raise RuntimeError("Camera __init__ sequence did not complete.") from fault
            world.tuning = tuning
            world.open += 1
            self.is_open = True
            self.started = False
            self.sensor_resolution = world.resolution
            self._jobs: list[Job] = []

        @staticmethod
        def global_camera_info() -> list[dict[str, Any]]:
            return [{"Model": model, "Num": 7 - i, "Id": f"/base/{i}"} for i, model in enumerate(world.models)]

        @staticmethod
        def load_tuning_file(tuning_file: str, dir: str | None = None) -> Any:
            path = Path(dir or "/nowhere") / tuning_file
            if not path.is_file():
                raise RuntimeError("Tuning file not found")
            return json.loads(path.read_text())

        @property
        def camera_controls(self) -> dict[str, Any]:
            return {name: (0, 1, 0) for name in world.offered}

        def create_video_configuration(
            self,
            main: Any = {},  # noqa: B006
            lores: Any = None,
            raw: Any = {},  # noqa: B006
            transform: Any = None,
            colour_space: Any = None,
            buffer_count: int = 6,
            controls: Any = {},  # noqa: B006
            display: Any = "main",
            encode: Any = "main",
            queue: bool = True,
            sensor: Any = {},  # noqa: B006
            use_case: str = "video",
        ) -> dict[str, Any]:
            return {name: value for name, value in locals().items() if name != "self"}

        def configure(self, camera_config: Any = None) -> None:
            if not set(camera_config["controls"]) <= set(world.offered):
                raise RuntimeError("Control is not advertised by libcamera")
            world.configured = dict(camera_config)
            lores = dict(camera_config["lores"])
            lores["stride"] = -(-lores["size"][0] // 64) * 64
            self._became = world.configured | {"lores": lores} | world.changes

        def camera_configuration(self) -> dict[str, Any]:
            return self._became

        def start(self, config: Any = None, show_preview: Any = False) -> None:
            self.started = True

        def capture_request(self, wait: Any = None, signal_function: Any = None, flush: Any = None) -> Job:
            assert wait is False
            job = Job()
            self._jobs.append(job)
            if not world.frozen:
                job.future.set_result(CompletedRequest(world, self))
            return job

        def wait(self, job: Job, timeout: float | None = None) -> Any:
            return job.future.result(timeout)

        def cancel_all_and_flush(self) -> None:
            for job in self._jobs:
                if world.late and not job.future.done():
                    job.future.set_result(CompletedRequest(world, self))
                elif not job.future.done():
                    job.future.set_exception(CancelledError())

        def close(self) -> None:
            if self.is_open:
                self.is_open = False
                world.open -= 1
                self.notifymeread.close()
                os.close(self.notifyme_w)

    class IMX708:
        def __init__(self, camera_num: Any = None) -> None:
            if not any(one["Num"] == camera_num and one["Model"] == "imx708" for one in Picamera2.global_camera_info()):
                raise RuntimeError("IMX708: Requested camera v4l2 device node not found")

        def __enter__(self) -> Any:
            return self

        def __exit__(self, exc_type: Any, exc_value: Any, tb: Any) -> None: ...

        def set_sensor_hdr_mode(self, enable: bool) -> None:
            world.hdr.append(enable)

    values = SimpleNamespace(
        AfModeEnum=SimpleNamespace(Manual=0, Continuous=2),
        HdrModeEnum=SimpleNamespace(Off=0, MultiExposure=2, SingleExposure=3, Night=4),
    )
    libcamera = SimpleNamespace(
        controls=values,
        Transform=lambda hflip=False, vflip=False: "turned" if hflip and vflip else "upright",
        ColorSpace=SimpleNamespace(Smpte170m=lambda: "SMPTE170M"),
    )
    return Picamera2, libcamera, IMX708
