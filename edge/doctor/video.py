"""What the kernel's video devices are: a Raspberry Pi has twenty without any camera, for its codecs and its ISP.

Source: struct v4l2_capability and VIDIOC_QUERYCAP of linux/videodev2.h; the drivers' names are those in Linux and in
Raspberry Pi's own kernel.
"""

from __future__ import annotations

import fcntl
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

CAPABILITY = struct.Struct("=16s32s32sIII12x")
"""driver, card, bus_info, version, capabilities of the device, of this node, reserved."""
QUERYCAP = 0x80000000 | CAPABILITY.size << 16 | ord("V") << 8
CAPTURE, M2M, CONTROLLED, OF_NODE = 0x1 | 0x1000, 0x4000 | 0x8000, 0x20000000, 0x80000000
"""V4L2_CAP_VIDEO_CAPTURE(_MPLANE), _VIDEO_M2M(_MPLANE), _IO_MC (a media controller has to set it up), _DEVICE_CAPS."""
INTERNAL = ("bcm2835-codec", "bcm2835-isp", "pispbe", "rpi-hevc-dec", "rpivid")
CONNECTOR = ("unicam", "rp1-cfe")

Kind = Literal["camera", "connector", "other"]


@dataclass(frozen=True, slots=True)
class Device:
    """A video device.

    kind: `camera` gives pictures by itself; `connector` is the camera connector's (CSI), which libcamera has to drive;
        `other` is no camera: a codec, an image processor, metadata, an output
    closed: this user may not open it
    """

    node: Path
    name: str
    kind: Kind
    closed: bool


def devices(root: Path) -> list[Device]:
    """All video devices below a root in which `sys` and `dev` are, by their number."""
    folders = (root / "sys/class/video4linux").glob("video*")
    return [_device(root / "dev" / folder.name, folder) for folder in sorted(folders, key=lambda f: _number(f.name))]


def kind_of(driver: str, capabilities: int) -> Kind:
    """What a node is by its driver and its own capabilities."""
    if driver.startswith(CONNECTOR):
        return "connector"
    if driver.startswith(INTERNAL) or capabilities & (M2M | CONTROLLED) or not capabilities & CAPTURE:
        return "other"
    return "camera"


def decode(answer: bytes) -> tuple[str, int]:
    """The driver and the node's own capabilities out of a VIDIOC_QUERYCAP answer."""
    driver, _, _, _, whole, own = CAPABILITY.unpack(answer)
    return driver.partition(b"\0")[0].decode("ascii", "replace"), own if whole & OF_NODE else whole


def _device(node: Path, folder: Path) -> Device:
    name = _text(folder / "name")
    closed = node.exists() and not os.access(node, os.R_OK | os.W_OK)
    asked = None if closed else _ask(node)
    # Who may not be asked is judged by the name that its driver gave: those of codecs begin like the driver's own.
    kind = kind_of(name, CAPTURE) if asked is None else kind_of(*asked)
    return Device(node, name, kind, closed)


def _ask(node: Path) -> tuple[str, int] | None:
    try:
        device = os.open(node, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return decode(fcntl.ioctl(device, QUERYCAP, bytes(CAPABILITY.size)))
    except OSError:
        return None
    finally:
        os.close(device)


def _number(name: str) -> int:
    digits = name.removeprefix("video")
    return int(digits) if digits.isdigit() else -1


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace").strip("\0 \n")
    except OSError:
        return ""
