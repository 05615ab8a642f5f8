"""What the board says of itself: heat, memory, whether it slows down or lacks voltage; from the kernel's files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/")
UNDER_VOLTAGE, THROTTLED = 1 << 0, 1 << 2
"""Bits of a Raspberry Pi's `get_throttled` for what is so now; 16 bits higher: what was so since it was switched on.
Source: Raspberry Pi documentation, `vcgencmd get_throttled`."""


def temperature_c(root: Path = ROOT) -> float | None:
    """The hottest of the board's sensors in degrees Celsius, None without any."""
    zones = (_read(zone / "temp") for zone in (root / "sys/class/thermal").glob("thermal_zone*"))
    degrees = [int(text) / 1000 for text in zones if text.lstrip("-").isdigit()]
    return max(degrees, default=None)


def memory_mb(root: Path = ROOT) -> tuple[int | None, int | None]:
    """Memory of the machine and what of it is available, in MB; None where the kernel does not tell."""
    rows = (line.split() for line in _read(root / "proc/meminfo").splitlines())
    megabytes = {row[0].rstrip(":"): int(row[1]) // 1024 for row in rows if len(row) > 1 and row[1].isdigit()}
    return megabytes.get("MemTotal"), megabytes.get("MemAvailable")


def throttled(root: Path = ROOT) -> int | None:
    """A Raspberry Pi's flags of supply and throttling, None on other boards."""
    for path in _throttled_files(root):
        try:
            return int(_read(path), 16)
        except ValueError:
            continue
    return None


def _throttled_files(root: Path) -> Iterator[Path]:
    """Where the firmware driver puts them: the folder's name differs from board to board."""
    platform = root / "sys/devices/platform"
    yield from platform.glob("soc*/soc*:firmware/get_throttled")
    yield from platform.glob("*:firmware/get_throttled")


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
