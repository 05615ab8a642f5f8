"""The camera connector of a Raspberry Pi: `picamera:N`, by picamera2 of the system.

The `lores` stream is what is looked at: YUV 4:2:0 as the image processor writes it, so its planes are used as they are.
`main` has the same size, since a configuration without one is not valid. Nothing is queued: a picture that was not
asked for in time goes back to the camera, and the next one asked for is new.

The tuning file is read when libcamera first lists the cameras, so the first `picamera:` source of a process chooses it
for all of them.
"""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as OutOfTime
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import monotonic_ns
from typing import Any

from edge.capture.base import Shot
from edge.config.connector import Connector, Mistake, parse_connector
from edge.errors import CameraError, MissingError, UserError
from edge.types import I420, U8

OPEN_S, READ_S = 8.0, 5.0
"""How long the first picture may take, and each one after it."""
BUFFERS = 4
BINNED_FPS = 40.0
"""What the half-resolution modes of the usual sensors reach."""
FORM = "YUV420"
FAULTS = (RuntimeError, OSError, ValueError, LookupError, TypeError)
"""All that picamera2 and libcamera's bindings were seen to raise for a camera's own faults."""
HDR = {"off": "Off", "single": "SingleExposure", "multi": "MultiExposure", "night": "Night"}
INSTALL = (
    "`sudo apt-get install python3-picamera2`, in an environment of `/usr/bin/python3 -m venv --system-site-packages`"
)

log = logging.getLogger(__name__)


def open_picamera(rest: str) -> PicameraSource:
    """Open and start a camera. Raises CameraError, MissingError or UserError in one line."""
    try:
        wanted = parse_connector("picamera", rest)
    except Mistake as mistake:
        raise UserError(f"picamera:{rest}: {'; '.join(filter(None, mistake.args))}") from None
    return PicameraSource(wanted)


@dataclass(frozen=True, slots=True)
class Bindings:
    """picamera2's class, and libcamera's module; nothing here knows their types."""

    camera: Any
    libcamera: Any


class PicameraSource:
    """A `Source` of one camera on the connector.

    fps: what was asked for, and from the first picture on what the sensor really does
    adjusted: what the camera does otherwise than asked, a phrase each
    """

    live = True

    def __init__(self, wanted: Connector, *, first: float = OPEN_S, patience: float = READ_S) -> None:
        self._wanted, self._first, self._patience = wanted, first, patience
        self._name = f"picamera:{wanted.number}"
        self.fps = wanted.fps
        self.adjusted: tuple[str, ...] = ()
        found = bindings()
        self._camera: Any = _opened(found, wanted, self._name)
        try:
            self._camera.configure(self._configuration(found))
            self._read_back()
            self._camera.start()
        except (CameraError, *FAULTS) as fault:
            self.close()
            raise fault if isinstance(fault, CameraError) else self._fault(_why(fault)) from None

    def shots(self) -> Iterator[Shot]:
        """Pictures as they come, each a copy of its own; ends with CameraError."""
        begun: int | None = None
        time = 0.0
        patience = self._first
        while True:
            data, told = self._next(patience)
            stamp = int(told.get("SensorTimestamp") or monotonic_ns())
            if begun is None:
                begun = stamp
                self._judge_rate(told)
            time = max(time, (stamp - begun) / 1e9)
            patience = self._patience
            yield Shot(time, self._picture(data))

    def close(self) -> None:
        """Stop the camera and give it back."""
        camera, self._camera = self._camera, None
        if camera is not None:
            try:
                camera.close()
            except FAULTS as fault:
                log.warning("%s: could not be closed cleanly: %s", self._name, _why(fault))

    def _configuration(self, found: Bindings) -> Any:
        wanted, camera = self._wanted, self._camera
        stream = {"size": wanted.size, "format": FORM}
        turned = wanted.rotate == 180
        return camera.create_video_configuration(
            main=dict(stream),
            lores=dict(stream),
            raw=None,
            transform=found.libcamera.Transform(hflip=turned, vflip=turned),
            colour_space=found.libcamera.ColorSpace.Smpte170m(),  # BT.601, limited range: what an I420 is here
            buffer_count=BUFFERS,
            controls=self._controls(found.libcamera.controls),
            display=None,
            encode=None,
            queue=False,
            sensor=_whole_view(wanted, camera.sensor_resolution),
        )

    def _controls(self, values: Any) -> dict[str, Any]:
        """What is to be set, by libcamera's names. Raises CameraError for what this camera has not."""
        wanted = self._wanted
        length = round(1e6 / wanted.fps)
        asked: dict[str, tuple[str, Any]] = {"FrameDurationLimits": ("fps", (length, length))}
        if wanted.exposure_us is not None:
            asked["ExposureTime"] = "exposure", wanted.exposure_us
        if wanted.gain is not None:
            asked["AnalogueGain"] = "gain", wanted.gain
        if wanted.focus == "auto":
            asked["AfMode"] = "focus", values.AfModeEnum.Continuous
        elif wanted.focus is not None:
            asked["AfMode"] = "focus", values.AfModeEnum.Manual
            asked["LensPosition"] = "focus", float(wanted.focus)
        offered = self._camera.camera_controls
        if wanted.hdr in HDR and (wanted.hdr != "off" or "HdrMode" in offered):
            asked["HdrMode"] = "hdr", getattr(values.HdrModeEnum, HDR[wanted.hdr])
        lacking = sorted({key for control, (key, _) in asked.items() if control not in offered} - {"fps"})
        if lacking:
            raise self._fault(f"this camera has no such setting: leave out {', '.join(f'`{key}`' for key in lacking)}")
        return {control: value for control, (_, value) in asked.items() if control in offered}

    def _read_back(self) -> None:
        """Take the configuration as it became: libcamera changes what it cannot do, and says nothing."""
        became = self._camera.camera_configuration()["lores"]
        self._size, self._stride = tuple(became["size"]), int(became["stride"])
        if became["format"] != FORM:
            raise self._fault(f"gives {became['format']} where {FORM} was asked for")
        if self._size != self._wanted.size:
            self._tell("{}x{} pixels".format(*self._size), "{}x{}".format(*self._wanted.size))

    def _judge_rate(self, told: Mapping[str, Any]) -> None:
        length = told.get("FrameDuration")  # microseconds
        if length:
            self.fps = round(1e6 / length, 2)
            if abs(self.fps - self._wanted.fps) > 0.1 * self._wanted.fps:
                self._tell(f"{self.fps:g} pictures a second", f"{self._wanted.fps:g}")

    def _tell(self, is_now: str, asked: str) -> None:
        phrase = f"gives {is_now}, not {asked} as asked"
        self.adjusted += (phrase,)
        log.warning("%s: %s", self._name, phrase)

    def _next(self, patience: float) -> tuple[U8, Mapping[str, Any]]:
        """The buffer of the next picture, copied, and what the camera tells of it; the picture itself is given back."""
        if self._camera is None:
            raise self._fault("is closed")
        try:
            request = self._request(patience)
            try:
                return request.make_buffer("lores"), request.get_metadata()
            finally:
                request.release()
        except FAULTS as fault:
            raise self._fault(_why(fault)) from None

    def _request(self, patience: float) -> Any:
        job = self._camera.capture_request(wait=False)
        try:
            return self._camera.wait(job, timeout=patience)
        except OutOfTime:
            self._camera.cancel_all_and_flush()
            with suppress(OutOfTime, CancelledError):  # it may have come in the meantime
                self._camera.wait(job, timeout=0.5).release()
        raise self._fault(f"no picture for {patience:.0f} s; is the ribbon cable seated at both ends?")

    def _picture(self, data: U8) -> I420:
        """The planes in a buffer, rows cropped to the picture's width; chroma rows are half as long as luma rows."""
        (w, h), stride = self._size, self._stride
        luma, half = h * stride, stride // 2
        chroma = (h // 2) * half
        if data.size < luma + 2 * chroma:
            raise self._fault("a picture is shorter than it says")
        y = data[:luma].reshape(h, stride)[:, :w]
        u, v = (data[at : at + chroma].reshape(h // 2, half)[:, : w // 2] for at in (luma, luma + chroma))
        return I420(y, u, v)

    def _fault(self, said: str) -> CameraError:
        return CameraError(f"{self._name}: {' '.join(said.split())}")


def _opened(found: Bindings, wanted: Connector, name: str) -> Any:
    """The camera, open and not yet configured. Raises CameraError with what to do."""
    kind = found.camera
    try:
        file = None if wanted.tuning is None else Path(wanted.tuning)
        folder = str(file.parent) if file and file.name != wanted.tuning else None
        tuning = kind.load_tuning_file(file.name, dir=folder) if file else None
    except FAULTS as fault:
        raise CameraError(f"{name}: the tuning file {wanted.tuning} cannot be used: {_why(fault)}") from None
    if wanted.hdr in ("sensor", "off"):
        _set_sensor_hdr(kind, wanted, name)
    camera = kind.__new__(kind)
    try:
        camera.__init__(camera_num=wanted.number, tuning=tuning)
    except FAULTS as fault:
        _give_up(camera)
        raise CameraError(f"{name}: {_unopened(kind, wanted.number, fault)}") from None
    return camera


def _give_up(camera: Any) -> None:
    """Close what a constructor that failed has left open: else each try of a camera that is away costs a pipe."""
    with suppress(*FAULTS):
        camera.close()
    with suppress(OSError, AttributeError):
        camera.notifymeread.close()
    with suppress(OSError, AttributeError):
        os.close(camera.notifyme_w)


def _unopened(kind: Any, number: int, fault: BaseException) -> str:
    try:
        there = [str(camera.get("Model", "?")) for camera in kind.global_camera_info()]
    except FAULTS:
        there = []
    if not there:
        return (
            "no camera is found: push the ribbon cable in at both ends, contacts to the contacts, latches shut, and "
            "start the board again; `rpicam-hello --list-cameras` lists what is there, and the user must be in `video`"
        )
    if number >= len(there):
        return f"no such camera; there are {len(there)}: {', '.join(there)}, and the first is `picamera:0`"
    said = _why(fault)
    if any(word in said.lower() for word in ("busy", "in use", "acquire")):
        return "another program holds the camera: end it (`fuser /dev/media*` names it), or watch its stream instead"
    return said


def _set_sensor_hdr(kind: Any, wanted: Connector, name: str) -> None:
    """Camera Module 3's own HDR, which outlives the program; to be set before the camera is opened."""
    try:
        number = kind.global_camera_info()[wanted.number]["Num"]
        with importlib.import_module("picamera2.devices.imx708").IMX708(number) as sensor:
            sensor.set_sensor_hdr_mode(wanted.hdr == "sensor")
    except (ImportError, *FAULTS) as fault:
        if wanted.hdr == "sensor":
            raise CameraError(f"{name}: `hdr=sensor` is for Camera Module 3 alone: {_why(fault)}") from None


def _whole_view(wanted: Connector, resolution: tuple[int, int]) -> dict[str, Any]:
    """Which mode of the sensor: half its resolution, where that is enough, sees all that the lens sees; left alone,
    small pictures are cut out of the middle by many sensors."""
    half = resolution[0] // 2, resolution[1] // 2
    enough = all(has >= side for has, side in zip(half, wanted.size, strict=True))
    return {"output_size": half} if enough and wanted.fps <= BINNED_FPS else {}


def _why(fault: BaseException) -> str:
    """A fault and what caused it, in one line: picamera2 keeps the reason in the cause alone."""
    said: list[str] = []
    at: BaseException | None = fault
    while at is not None:
        text = " ".join(str(at).split()).rstrip(".") or type(at).__name__
        if text not in said:
            said.append(text)
        at = at.__cause__
    return ": ".join(said)


@cache
def bindings() -> Bindings:
    """picamera2 and libcamera. Raises MissingError with the command that brings them."""
    try:
        return Bindings(importlib.import_module("picamera2").Picamera2, importlib.import_module("libcamera"))
    except ModuleNotFoundError as fault:
        raise MissingError(f"picamera: this Python has no {fault.name}: {INSTALL}") from None
    except (ImportError, ValueError, AttributeError) as fault:
        raise MissingError(
            f"picamera: the system's picamera2 does not go with the packages here ({_why(fault)}); where that is "
            "about NumPy, `pip install 'numpy<2'`"
        ) from None
