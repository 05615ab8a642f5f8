"""The camera connector of a Raspberry Pi: `picamera:N`, by picamera2 of the system.

The `lores` stream is what is looked at: YUV 4:2:0 as the image processor writes it, so its planes are used as they are.
`main` has the same size, since a configuration without one is not valid. Nothing is queued: a picture that was not
asked for in time goes back to the camera, and the next one asked for is new.

The tuning file is read when libcamera first lists the cameras, so the first `picamera:` source of a process chooses it
for all of them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as OutOfTime
from contextlib import suppress
from time import monotonic_ns
from typing import Any

from edge.capture.base import Shot
from edge.capture.picamera_opening import FAULTS, Bindings, bindings, opened, why
from edge.config.connector import Connector, Mistake, parse_connector
from edge.errors import CameraError, UserError
from edge.types import I420, U8

OPEN_S, READ_S = 8.0, 5.0
"""How long the first picture may take, and each one after it."""
CANCEL_S = 0.5
"""How long a picture may take that was on its way when nobody wanted to wait for it any longer."""
BUFFERS = 4
BINNED_FPS = 40.0
"""What the half-resolution modes of the usual sensors reach."""
FORM = "YUV420"
HDR = {"off": "Off", "single": "SingleExposure", "multi": "MultiExposure", "night": "Night"}

log = logging.getLogger(__name__)


def open_picamera(rest: str) -> PicameraSource:
    """Open and start a camera. Raises CameraError, MissingError or UserError in one line."""
    try:
        wanted = parse_connector("picamera", rest)
    except Mistake as mistake:
        raise UserError(f"picamera:{rest}: {'; '.join(filter(None, mistake.args))}") from None
    return PicameraSource(wanted)


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
        self._camera: Any = opened(found, wanted, self._name)
        try:
            self._camera.configure(self._configuration(found))
            self._read_back()
            self._camera.start()
        except (CameraError, *FAULTS) as fault:
            self.close()
            raise fault if isinstance(fault, CameraError) else self._fault(why(fault)) from None

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
                log.warning("%s: could not be closed cleanly: %s", self._name, why(fault))

    def _configuration(self, found: Bindings) -> Any:
        wanted, camera = self._wanted, self._camera
        stream = {"size": wanted.size, "format": FORM}
        turned = wanted.rotate == 180
        self._asked = {
            "transform": found.libcamera.Transform(hflip=turned, vflip=turned),
            "colour_space": found.libcamera.ColorSpace.Smpte170m(),  # BT.601, limited range: what an I420 is here
        }
        return camera.create_video_configuration(
            main=dict(stream),
            lores=dict(stream),
            raw=None,
            **self._asked,
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
        whole = self._camera.camera_configuration()
        became = whole["lores"]
        self._size, self._stride = tuple(became["size"]), int(became["stride"])
        if became["format"] != FORM:
            raise self._fault(f"gives {became['format']} where {FORM} was asked for")
        if self._size != self._wanted.size:
            self._tell("{}x{} pixels".format(*self._size), "{}x{}".format(*self._wanted.size))
        for key, asked in self._asked.items():
            if whole[key] != asked:
                self._tell(f"the {key.replace('_', ' ')} {whole[key]}", str(asked))

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
            raise self._fault(why(fault)) from None

    def _request(self, patience: float) -> Any:
        job = self._camera.capture_request(wait=False)
        try:
            return self._camera.wait(job, timeout=patience)
        except OutOfTime:
            self._camera.cancel_all_and_flush()
            with suppress(OutOfTime, CancelledError):  # it may have come in the meantime
                self._camera.wait(job, timeout=CANCEL_S).release()
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


def _whole_view(wanted: Connector, resolution: tuple[int, int]) -> dict[str, Any]:
    """Which mode of the sensor: half its resolution, where that is enough, reads its whole surface; left alone, many
    sensors cut small pictures out of the middle."""
    half = resolution[0] // 2, resolution[1] // 2
    enough = all(has >= side for has, side in zip(half, wanted.size, strict=True))
    return {"output_size": half} if enough and wanted.fps <= BINNED_FPS else {}
