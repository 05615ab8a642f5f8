"""What the doctor reads from the kernel's files, on boards that are not here."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.doctor import machine, video
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


PI_5 = (
    *("bcm2835-codec-decode", "bcm2835-isp-capture0", "pispbe-output0", "rpi-hevc-dec", "rp1-cfe-csi2_ch0"),
    "HD Webcam",
)


def test_the_codecs_of_a_raspberry_pi_are_no_cameras(tmp_path: Path) -> None:
    for number, name in enumerate(PI_5):
        put(tmp_path, f"sys/class/video4linux/video{number}/name", f"{name}\n")
        put(tmp_path, f"dev/video{number}", "")  # no device: it is judged by its name
    found = looked(tmp_path)
    assert found["cameras"].found == "/dev/video5 HD Webcam"
    assert found["camera connector"].grade == "warn"
    assert "python3-picamera2" in str(found["camera connector"].advice)


def test_a_camera_on_the_connector_is_said_to_be_ready_where_picamera2_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "sys/class/video4linux/video0/name", "unicam\n")
    put(tmp_path, "dev/video0", "")
    (tmp_path / "picamera2.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert looked(tmp_path)["camera connector"].grade == "ok"


@pytest.mark.parametrize(
    ("driver", "whole", "own", "kind"),
    [
        ("uvcvideo", 0x84A00001, 0x04200001, "camera"),
        ("uvcvideo", 0x84A00001, 0x04A00000, "other"),  # its metadata
        ("bm2835 mmal", 0x85200005, 0x05200005, "camera"),
        ("old", 0x05200001, 0, "camera"),  # a driver that knows no capabilities of a node
        ("bcm2835-codec", 0x84204000, 0x04204000, "other"),
        ("bcm2835-isp", 0x84200001, 0x04200001, "other"),
        ("pispbe", 0xA4201000, 0x24201000, "other"),
        ("any-m2m", 0x84208000, 0x04208000, "other"),
        ("v4l2-output", 0x84200002, 0x04200002, "other"),
        ("unicam", 0xA5A00001, 0x25200001, "connector"),
        ("rp1-cfe", 0xA4A00001, 0x24200001, "connector"),
    ],
)
def test_a_camera_is_what_captures_by_itself(driver: str, whole: int, own: int, kind: str) -> None:
    answer = video.CAPABILITY.pack(driver.encode(), b"card", b"bus", 0x60600, whole, own)
    assert len(answer) == 104
    assert video.kind_of(*video.decode(answer)) == kind


def test_a_board_of_512_mb_is_told_which_model_fits(tmp_path: Path) -> None:
    put(tmp_path, "proc/meminfo", "MemTotal:  447000 kB\nMemAvailable:  300000 kB\n")
    found = looked(tmp_path)["memory"]
    assert found.grade == "ok"
    assert "ssd-mobilenet-v1" in found.found


@pytest.mark.parametrize("folder", ["soc/soc:firmware", "soc@107c000000/soc@107c000000:firmware", "axi/soc/firmware"])
def test_the_record_of_the_supply_is_found_wherever_the_board_has_it(tmp_path: Path, folder: str) -> None:
    put(tmp_path, f"sys/devices/platform/{folder}/get_throttled", "10000\n")
    assert "since" in looked(tmp_path)["power"].found


def test_vcgencmd_is_asked_where_the_kernel_has_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "bin/vcgencmd", "#!/bin/sh\n[ $1 = get_throttled ] && echo throttled=0x50005\n")
    (tmp_path / "bin/vcgencmd").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin")
    assert "power" not in looked(tmp_path)  # no Raspberry Pi
    put(tmp_path, "proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0")
    assert looked(tmp_path)["power"].found == "too little voltage now"


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
