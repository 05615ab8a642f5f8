"""The machine: board, memory, heat, clock, engines, cameras. Source of the paths: Documentation/ABI of Linux."""

from __future__ import annotations

import grp
import os
import platform
from collections.abc import Iterator
from pathlib import Path

from edge.clock import synchronised
from edge.doctor.verdict import Verdict
from edge.engines import registry

HOT_C = 80.0
"""Above this a Raspberry Pi slows down."""
LOW_MEMORY_MB = 150
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
    rows = (line.split() for line in _read(root / "proc/meminfo").splitlines())
    megabytes = {row[0].rstrip(":"): int(row[1]) // 1024 for row in rows if len(row) > 1 and row[1].isdigit()}
    total, free = megabytes.get("MemTotal"), megabytes.get("MemAvailable")
    if total is None or free is None:
        return None
    found = f"{free} of {total} MB available"
    if free < LOW_MEMORY_MB:
        return Verdict("memory", "warn", found, "stop other programs; one camera with one model needs about 150 MB")
    return Verdict("memory", "ok", found)


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
    text = _read(root / "sys/devices/platform/soc/soc:firmware/get_throttled")
    try:
        flags = int(text, 16)
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
    """V4L2 devices, and whether this user may open them."""
    folders = sorted((root / "sys/class/video4linux").glob("video*"))
    if not folders:
        yield Verdict("cameras", "ok", "no USB or V4L2 camera")
        return
    yield Verdict(
        "cameras", "ok", ", ".join(f"/dev/{folder.name} {_read(folder / 'name')}".strip() for folder in folders)
    )
    closed = [node for folder in folders if (node := root / "dev" / folder.name).exists() and not _open_to_us(node)]
    if closed:
        group = _group_of(closed[0])
        yield Verdict(
            "groups",
            "warn",
            f"{', '.join(f'/dev/{node.name}' for node in closed)} may not be opened by this user",
            f"`sudo usermod -aG {group} $USER`, then log in again",
        )
    else:
        yield Verdict("groups", "ok", "this user may open the cameras")


def _open_to_us(node: Path) -> bool:
    return os.access(node, os.R_OK | os.W_OK)


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
