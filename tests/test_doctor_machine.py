"""What the doctor reads from the kernel's files, on boards that are not here."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.doctor import machine
from edge.doctor.verdict import Verdict


def put(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def looked(root: Path) -> dict[str, Verdict]:
    return {verdict.name: verdict for verdict in machine.look(root)}


def test_a_raspberry_pi_that_is_hot_and_hungry(tmp_path: Path) -> None:
    put(tmp_path, "proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0")
    put(tmp_path, "etc/os-release", 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')
    put(tmp_path, "proc/meminfo", "MemTotal:  447000 kB\nMemFree: 1 kB\nMemAvailable:  92160 kB\n")
    put(tmp_path, "sys/class/thermal/thermal_zone0/temp", "83123\n")
    put(tmp_path, "sys/class/thermal/thermal_zone1/temp", "nonsense\n")
    put(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", "50005\n")
    put(tmp_path, "sys/class/video4linux/video0/name", "HD Webcam\n")
    put(tmp_path, "dev/video0", "")
    found = looked(tmp_path)
    assert found["board"].found == "Raspberry Pi 4 Model B Rev 1.4"
    assert found["system"].found.startswith("Debian GNU/Linux 12 (bookworm), Linux ")
    assert (found["memory"].grade, found["memory"].found) == ("warn", "90 of 436 MB available")
    assert (found["temperature"].grade, found["temperature"].found) == ("warn", "83 °C")
    assert (found["power"].grade, found["power"].found) == ("warn", "too little voltage now")
    assert found["cameras"].found == "/dev/video0 HD Webcam"
    assert found["groups"].grade == "ok"
    assert all(verdict.advice for verdict in found.values() if verdict.grade != "ok")


@pytest.mark.parametrize(
    ("flags", "grade", "said"), [("0", "ok", "enough"), ("50000", "warn", "since"), ("4", "warn", "slowed")]
)
def test_the_supply_of_a_raspberry_pi(tmp_path: Path, flags: str, grade: str, said: str) -> None:
    put(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", flags)
    found = looked(tmp_path)["power"]
    assert found.grade == grade
    assert said in found.found


def test_a_machine_that_tells_nothing_is_no_fault(tmp_path: Path) -> None:
    found = looked(tmp_path)
    assert found["board"].found == "unknown"
    assert "power" not in found
    assert "temperature" not in found
    assert all(verdict.grade != "fail" for verdict in found.values())


def test_timesyncd_says_when_the_clock_is_right(tmp_path: Path) -> None:
    put(tmp_path, "run/systemd/timesync/synchronized", "")
    assert looked(tmp_path)["clock"].grade == "ok"


def test_this_machine_can_be_looked_at() -> None:
    assert {"python", "board", "system", "memory", "clock", "engines", "cameras"} <= looked(Path("/")).keys()
