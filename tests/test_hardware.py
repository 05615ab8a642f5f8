"""What boards say of themselves, from a tree of files as their kernels make it."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge import hardware


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_hottest_sensor_counts(tmp_path: Path) -> None:
    put(tmp_path / "sys/class/thermal/thermal_zone0/temp", "48312\n")
    put(tmp_path / "sys/class/thermal/thermal_zone1/temp", "61000\n")
    put(tmp_path / "sys/class/thermal/thermal_zone2/temp", "nonsense")
    assert hardware.temperature_c(tmp_path) == 61.0


@pytest.mark.parametrize("folder", ["soc/soc:firmware", "soc@107c000000/soc@107c000000:firmware", "a:firmware"])
def test_a_raspberry_pis_flags_are_found_whatever_the_folder_is_called(tmp_path: Path, folder: str) -> None:
    put(tmp_path / "sys/devices/platform" / folder / "get_throttled", "50005\n")
    flags = hardware.throttled(tmp_path)
    assert flags == 0x50005
    assert flags & hardware.UNDER_VOLTAGE
    assert flags & hardware.THROTTLED


def test_a_machine_without_sensors_says_nothing(tmp_path: Path) -> None:
    assert hardware.temperature_c(tmp_path) is None
    assert hardware.throttled(tmp_path) is None
