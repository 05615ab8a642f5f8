"""Whatever GStreamer can open: `gst:PIPELINE`, and `jetson:N`, the camera connector of an NVIDIA Jetson.

GStreamer is the system's, as are its Python bindings (PyGObject). No main loop runs: pictures are pulled out of an
`appsink`, and what went wrong is read from the pipeline's bus in between.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from time import monotonic
from typing import Any

import numpy as np

from edge.capture.base import Shot
from edge.config.connector import Connector, Mistake, parse_connector
from edge.config.secrets import mask_properties, mask_url
from edge.errors import CameraError, EdgeError, MissingError, UserError
from edge.types import I420, U8

OPEN_S, READ_S = 8.0, 5.0
"""How long the first picture may take, and each one after it."""
LOOK_S = 0.25
"""How long to wait for a picture before the bus is looked at."""
SINK = "edge-pictures"
TAIL = (
    # Limited range by BT.601 or BT.709 passes as it is; anything else is converted, which costs a pass.
    "videoconvert ! video/x-raw,format=I420,colorimetry=(string){ bt601, bt709 } "
    f"! appsink name={SINK} max-buffers=1 drop=true sync=false"
)
INSTALL = "sudo apt-get install python3-gi gir1.2-gst-plugins-base-1.0 gstreamer1.0-plugins-good"
PACKAGES = (
    ("nv.*", "nvidia-l4t-gstreamer, a part of JetPack"),
    ("libcamera.*", "gstreamer1.0-libcamera"),
    ("avdec_.*", "gstreamer1.0-libav"),
    ("x264enc", "gstreamer1.0-plugins-ugly"),
    ("(h26[345]|jpeg|mpegvideo)parse|openh264.*|va(h26|jpeg|postproc).*|srt.*|tsdemux", "gstreamer1.0-plugins-bad"),
    (
        "rtspsrc|rtp.*|v4l2.*|jpegdec|souphttpsrc|udpsrc|multipartdemux|qtdemux|matroskademux",
        "gstreamer1.0-plugins-good",
    ),
    ("video(testsrc|convert|scale|rate)|u?ri?decodebin.*|decodebin.*|appsink", "gstreamer1.0-plugins-base"),
)
"""Which of Debian's packages an element comes from, by a pattern of its name; the first that fits."""


def open_gst(pipeline: str) -> GstSource:
    """Start a pipeline that ends with raw video. Raises CameraError or MissingError in one line; does not wait."""
    return GstSource(pipeline, name="gst")


def open_jetson(rest: str) -> GstSource:
    """The camera on a Jetson's connector; else as above."""
    try:
        wanted = parse_connector("jetson", rest)
    except Mistake as mistake:
        raise UserError(f"jetson:{rest}: {'; '.join(filter(None, mistake.args))}") from None
    return GstSource(jetson_pipeline(wanted), name=f"jetson:{wanted.number}")


def jetson_pipeline(wanted: Connector) -> str:
    """From the sensor through the board's image processor to I420 in memory that everybody can read.

    Source: `nvarguscamerasrc` and `nvvidconv` in the accelerated GStreamer guide of Jetson Linux; `flip-method=2` is
    half a turn.
    """
    width, height = wanted.size
    rate = f"{round(wanted.fps * 1000)}/1000"
    flip = " flip-method=2" if wanted.rotate else ""
    return (
        f"nvarguscamerasrc sensor-id={wanted.number} "
        f"! video/x-raw(memory:NVMM),width={width},height={height},format=NV12,framerate={rate} "
        f"! nvvidconv{flip} ! video/x-raw,format=I420"
    )


@dataclass(frozen=True, slots=True)
class Bindings:
    """The modules of `gi.repository`, which nothing here knows the types of."""

    gst: Any
    video: Any
    fault: type[Exception]


class GstSource:
    """A `Source` of a running pipeline. `fps` is known from the first picture on, where the pipeline tells it.

    Args:
        pipeline: as `gst-launch-1.0` takes it, up to raw video; its end is added here
        name: to begin what is said with; never the pipeline, which may hold a password
        first, patience: seconds that the first picture and each later one may take
    """

    live = True

    def __init__(self, pipeline: str, *, name: str, first: float = OPEN_S, patience: float = READ_S) -> None:
        self._name, self._first, self._patience = name, first, patience
        self.fps = 0.0
        self._missing: set[str] = set()
        self._end: EdgeError | None = None
        self._gi = gi = bindings()
        try:
            self._pipeline: Any = gi.gst.parse_launch(f"{pipeline} ! {TAIL}")
        except gi.fault as fault:
            raise self._unmade(str(getattr(fault, "message", fault))) from None
        self._sink: Any = self._pipeline.get_by_name(SINK)
        self._bus: Any = self._pipeline.get_bus()
        if self._pipeline.set_state(gi.gst.State.PLAYING) == gi.gst.StateChangeReturn.FAILURE:
            error = self._trouble() or self._fault("cannot be started")
            self.close()
            raise error

    def shots(self) -> Iterator[Shot]:
        """Pictures as they come, each a copy of its own; ends with CameraError, also where the pipeline ended."""
        begun: float | None = None
        time = 0.0
        patience = self._first
        while True:
            sample = self._pull(patience)
            buffer = sample.get_buffer()
            stamp = monotonic() if buffer.pts == self._gi.gst.CLOCK_TIME_NONE else buffer.pts / 1e9
            begun = stamp if begun is None else begun
            time = max(time, stamp - begun)
            patience = self._patience
            yield Shot(time, self._picture(sample, buffer))

    def close(self) -> None:
        """Stop the pipeline and give its devices and connections back."""
        if self._pipeline is not None:
            self._pipeline.set_state(self._gi.gst.State.NULL)
            self._bus.set_flushing(True)  # messages hold the elements that sent them
            self._pipeline = self._sink = self._bus = None

    def _pull(self, patience: float) -> Any:
        """The newest picture; CameraError once there is none for `patience` seconds, or never will be."""
        until = monotonic() + patience
        while self._sink is not None:
            sample = self._sink.emit("try-pull-sample", int(LOOK_S * self._gi.gst.SECOND))
            self._end = self._end or self._trouble()  # with every picture: a bus that nobody empties grows
            if sample is not None:
                return sample
            if self._end:
                raise self._end
            if monotonic() > until:
                raise self._fault(f"no picture for {patience:.0f} s")
            if self._sink.get_property("eos"):
                raise self._fault("the pipeline ended its stream")
        raise self._fault("is closed")

    def _picture(self, sample: Any, buffer: Any) -> I420:
        """The planes of one picture, views of one copy of its buffer; rows are cropped to the picture's width."""
        info = self._gi.video.VideoInfo.new_from_caps(sample.get_caps())
        self.fps = info.fps_n / info.fps_d if info.fps_d else 0.0
        # Where the buffer says how its rows lie, that counts: hardware pads them as the caps alone cannot tell.
        layout = self._gi.video.buffer_get_video_meta(buffer) or info
        readable, mapped = buffer.map(self._gi.gst.MapFlags.READ)
        if not readable:
            raise self._fault("its pictures lie in memory that cannot be read; end the pipeline with `nvvidconv`?")
        try:
            data = np.frombuffer(bytes(mapped.data), np.uint8)
        finally:
            buffer.unmap(mapped)
        w, h = info.width, info.height
        half = (h + 1) // 2, (w + 1) // 2
        offsets, strides = list(layout.offset), list(layout.stride)
        y, u, v = (_plane(data, offsets[i], strides[i], *size) for i, size in enumerate(((h, w), half, half)))
        return I420(y, u, v)

    def _trouble(self) -> EdgeError | None:
        """What the bus tells of an end, None if it tells of none."""
        kinds = self._gi.gst.MessageType
        while message := self._bus.pop_filtered(kinds.ERROR | kinds.EOS | kinds.ELEMENT):
            if message.type == kinds.EOS:
                return self._fault("the pipeline ended its stream")
            if message.type == kinds.ERROR:
                return self._failed(message)
            said = message.get_structure()
            if said is not None and said.get_name() == "missing-plugin":
                self._missing.add(str(said.get_string("name") or said.get_string("detail")))
        return None

    def _failed(self, message: Any) -> EdgeError:
        error, detail = message.parse_error()
        text = f"{message.src.get_name() if message.src else 'the pipeline'}: {error.message.rstrip('.')}"
        if self._missing:
            text += (
                f" ({', '.join(sorted(self._missing))}); `sudo apt-get install gstreamer1.0-libav` brings most decoders"
            )
        elif reason := re.search(r"reason ([\w-]+)", detail or ""):
            text += f" ({reason[1]})"
        return self._fault(text)

    def _unmade(self, said: str) -> EdgeError:
        """Why a pipeline could not be made of its text."""
        if absent := re.search(r'no element "([^"]+)"', said):
            package = next((found for form, found in PACKAGES if re.fullmatch(form, absent[1])), None)
            hint = f"it comes with {package}" if package else f"`gst-inspect-1.0 {absent[1]}` knows it where it is"
            return MissingError(f"{self._name}: GStreamer has no element `{absent[1]}` here; {hint}")
        return self._fault(f"not a pipeline: {said}")

    def _fault(self, said: str) -> CameraError:
        line = " ".join(mask_properties(mask_url(said)).split())
        return CameraError(f"{self._name}: {line}")


def _plane(data: U8, offset: int, stride: int, rows: int, columns: int) -> U8:
    """Rows of `columns` bytes that begin `stride` bytes apart; the last one may lack its padding."""
    last = offset + (rows - 1) * stride + columns
    if stride < columns or last > data.size:
        raise CameraError("gst: a picture is shorter than it says")
    return np.lib.stride_tricks.as_strided(data[offset:], (rows, columns), (stride, 1), writeable=False)


@cache
def bindings() -> Bindings:
    """GStreamer's Python bindings, started. Raises MissingError with the command that brings them."""
    try:
        gi: Any = importlib.import_module("gi")
    except ImportError:
        raise MissingError(
            f"gst: this Python has no GStreamer bindings: `{INSTALL}`, in an environment made with "
            "`python3 -m venv --system-site-packages`"
        ) from None
    try:
        for part in ("Gst", "GstVideo"):
            gi.require_version(part, "1.0")
        repository = "gi.repository"
        gst, video, glib = (importlib.import_module(f"{repository}.{part}") for part in ("Gst", "GstVideo", "GLib"))
    except (ImportError, ValueError) as fault:  # gi's own word for a namespace that is not there is ValueError
        raise MissingError(f"gst: {' '.join(str(fault).split())}: `{INSTALL}`") from None
    gst.init(None)
    return Bindings(gst, video, glib.Error)
