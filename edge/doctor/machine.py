"""The machine: board, memory, heat, power, clock, engines, cameras. Source of the paths: Documentation/ABI of Linux."""

from __future__ import annotations

import grp
import platform
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from edge.clock import synchronised
from edge.doctor import video
from edge.doctor.verdict import Verdict
from edge.engines import registry
from edge.hardware import memory_mb

HOT_C = 80.0
"""Above this a Raspberry Pi slows down."""
LOW_MEMORY_MB = 150
"""What a daemon with one camera and the SSD model on tflite needs."""
SMALL_BOARD_MB = 600
"""Below this (a board of 512 MB) a daemon on openvino, of 250 to 300 MB, leaves too little to the rest."""
SMALL_BOARD = "`ssd-mobilenet-v1` on tflite fits (150 MB), the default model on openvino does not (250 to 300 MB)"
_UNDER_VOLTAGE_NOW, _THROTTLED_NOW, _UNDER_VOLTAGE_BEFORE = 1 << 0, 1 << 2, 1 << 16


def look(root: Path = Path("/")) -> list[Verdict]:
    """All about the machine.

    Args:
        root: where `proc`, `sys`, `etc` and `dev` are
    """
    looks = [_python(), _board(root), _system(root), _memory(root), _heat(root), _power(root), _clock(root), _engines()]
    return [verdict for verdict in [*looks, *_cameras(root)] if verdict is not None]


def _python() -> Verdict:
    found = f"{platform.python_version()} ({platform.machine()})"
    if platform.architecture()[0] != "64bit":
        return Verdict("python", "fail", f"{found}, 32 bit", "install a 64-bit system: no engine has 32-bit packages")
    return Verdict("python", "ok", found)


def _board(root: Path) -> Verdict:
    model = _read(root / "proc/device-tree/model") or _read(root / "sys/class/dmi/id/product_name")
    return Verdict("board", "ok", model or "unknown")


def _system(root: Path) -> Verdict:
    lines = _read(root / "etc/os-release").splitlines()
    name = next((line.partition("=")[2].strip('"') for line in lines if line.startswith("PRETTY_NAME=")), "unknown")
    return Verdict("system", "ok", f"{name}, Linux {platform.release()}")


def _memory(root: Path) -> Verdict | None:
    total, free = memory_mb(root)
    if total is None or free is None:
        return None
    small = f"; {SMALL_BOARD}" if total < SMALL_BOARD_MB else ""
    if free < LOW_MEMORY_MB:
        advice = f"stop other programs: one camera with one model needs {LOW_MEMORY_MB} MB and more{small}"
        return Verdict("memory", "warn", f"{free} of {total} MB available", advice)
    return Verdict("memory", "ok", f"{free} of {total} MB available{small}")


def _heat(root: Path) -> Verdict | None:
    zones = (_read(zone / "temp") for zone in (root / "sys/class/thermal").glob("thermal_zone*"))
    degrees = [int(text) / 1000 for text in zones if text.lstrip("-").isdigit()]
    if not degrees:
        return None
    found = f"{max(degrees):.0f} °C"
    if max(degrees) >= HOT_C:
        return Verdict("temperature", "warn", found, "the processor slows down when hot: give it a heat sink or a fan")
    return Verdict("temperature", "ok", found)


def _power(root: Path) -> Verdict | None:
    """A Raspberry Pi's own record of its supply; other boards keep none."""
    try:
        flags = int(_throttled(root), 16)
    except ValueError:
        return None
    if flags & (_UNDER_VOLTAGE_NOW | _UNDER_VOLTAGE_BEFORE):
        when = "now" if flags & _UNDER_VOLTAGE_NOW else "since it was switched on"
        return Verdict(
            "power", "warn", f"too little voltage {when}", "use the supply and the cable made for this board"
        )
    if flags & _THROTTLED_NOW:
        return Verdict("power", "warn", "the processor is slowed down now", "see temperature")
    return Verdict("power", "ok", "enough")


def _throttled(root: Path) -> str:
    """The firmware's flags in hex, "" where nobody tells. The file's path is another on nearly every board."""
    platforms = root / "sys/devices/platform"
    for pattern in ("*/get_throttled", "*/*/get_throttled", "*/*/*/get_throttled"):
        for path in platforms.glob(pattern):
            if text := _read(path):
                return text
    program = shutil.which("vcgencmd")
    if program is None or not _read(root / "proc/device-tree/model").startswith("Raspberry Pi"):
        return ""
    try:
        asked = subprocess.run([program, "get_throttled"], capture_output=True, text=True, timeout=5, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout.partition("=")[2].strip()  # throttled=0x50005


def _clock(root: Path) -> Verdict:
    if synchronised() or (root / "run/systemd/timesync/synchronized").exists():
        return Verdict("clock", "ok", "synchronised")
    advice = "events carry wrong times until it is: `timedatectl set-ntp true`, or check the network"
    return Verdict("clock", "warn", "not synchronised", advice)


def _engines() -> Verdict:
    found = [registry.probe(name) for name in registry.TABLE if name != "reference"]
    here = [f"{engine.name} {engine.version}" for engine in found if engine.available]
    if here:
        return Verdict("engines", "ok", ", ".join(here))
    return Verdict("engines", "warn", "none: motion events alone work", "pip install 'edge-runtime[tflite]'")


def _cameras(root: Path) -> Iterator[Verdict]:
    """V4L2 devices that give pictures, and whether this user may open them."""
    found = video.devices(root)
    cameras = [device for device in found if device.kind == "camera"]
    shown = ", ".join(f"/dev/{device.node.name} {device.name}".strip() for device in cameras)
    yield Verdict("cameras", "ok", shown or "no USB or V4L2 camera")
    if any(device.kind == "connector" for device in found):
        yield _connector()
    closed = [device.node for device in cameras if device.closed]
    if closed:
        names = ", ".join(f"/dev/{node.name}" for node in closed)
        advice = f"`sudo usermod -aG {_group_of(closed[0])} $USER`, then log in again"
        yield Verdict("groups", "warn", f"{names} may not be opened by this user", advice)
    elif cameras:
        yield Verdict("groups", "ok", "this user may open the cameras")


def _connector() -> Verdict:
    """A camera is on the board's connector. Asking for the package does not open the camera."""
    if find_spec("picamera2") is not None:
        return Verdict("camera connector", "ok", "a camera is there: `picamera:0`, where nothing else holds it")
    advice = "`sudo apt-get install python3-picamera2`, and an environment made with --system-site-packages"
    return Verdict("camera connector", "warn", "a camera is there, and this Python has no picamera2", advice)


def _group_of(node: Path) -> str:
    try:
        return grp.getgrgid(node.stat().st_gid).gr_name
    except KeyError:
        return "video"


def _read(path: Path) -> str:
    """The text of a small file of the kernel's, "" where there is none."""
    try:
        return path.read_text("utf-8", errors="replace").strip("\0 \n")
    except OSError:
        return ""
