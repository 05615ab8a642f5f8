"""Each fault, brought about in a real drive: the car stands within a quarter of a second, by what its actuator was
given, and nothing but a hand lets it drive again.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.broker import eventually
from tests.support.driving import Drive, driving
from tests.support.film import film
from tests.support.rtsp import RtspCamera

OWN = ("--pilot", "tests.support.pilots:steer")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("clip") / "road.mp4", pictures=900, fps=30, w=64)


@pytest.fixture
def drive(tmp_path: Path, clip: Path) -> Iterator[Drive]:
    with driving(tmp_path, f'[steer]\nsource = "file:{clip}"\nloop = true\n', *OWN) as drive:
        drive.engaged()
        yield drive


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("nan", "the pilot's value is refused (nan)"),
        ("far", "the pilot's value is refused (range)"),
        ("engine", "the accelerator was unplugged"),
        ("bug", "has ended"),
        ("hang", "too old"),
    ],
)
def test_a_pilot_that_fails(drive: Drive, word: str, reason: str) -> None:
    moment = time.monotonic()
    drive.word.write_text(word)
    drive.neutral_after(moment)
    drive.needs_a_hand()
    assert reason in drive.order("STATUS")["reason"]
    assert drive.order("ARM")["state"] == "fault"
    drive.word.unlink()
    drive.engaged()


def test_a_loop_that_is_stopped_is_started_again_and_waits_for_a_hand(drive: Drive) -> None:
    first, moment = drive.loop, time.monotonic()
    os.kill(first, signal.SIGSTOP)
    drive.neutral_after(moment)
    drive.needs_a_hand()
    eventually(lambda: drive.order("STATUS")["loop"] not in (None, first), 20)
    drive.engaged()
    assert drive.ended()["restarts"] == 1


def test_a_loop_that_was_stopped_for_a_second_and_goes_on_does_not_drive(drive: Drive) -> None:
    first, moment = drive.loop, time.monotonic()
    os.kill(first, signal.SIGSTOP)
    drive.neutral_after(moment)
    os.kill(first, signal.SIGCONT)
    eventually(lambda: drive.order("STATUS")["trouble"] is None)
    drive.needs_a_hand()
    assert drive.loop == first


def test_a_loop_that_is_killed(drive: Drive) -> None:
    moment = time.monotonic()
    os.kill(drive.loop, signal.SIGKILL)
    drive.neutral_after(moment)
    drive.needs_a_hand()
    drive.engaged()


def test_a_clip_that_ends_is_a_camera_that_is_gone(tmp_path: Path) -> None:
    short = film(tmp_path / "short.mp4", pictures=90, fps=30, w=64)
    with driving(tmp_path, f'[steer]\nsource = "file:{short}"\n', *OWN) as drive:
        drive.engaged()
        eventually(lambda: drive.order("STATUS")["state"] == "fault")
        moment = next(line["frame_t"] for line in reversed(drive.lines()) if line["state"] == "engaged")
        drive.neutral_after(moment + 0.02)
        drive.needs_a_hand()


@pytest.mark.parametrize("fault", ["freeze", "stall", "kill"])
def test_a_camera_that_hangs_stalls_or_goes_away(tmp_path: Path, fault: str) -> None:
    camera = RtspCamera(fps=30)
    camera.start()
    try:
        with driving(tmp_path, f'[steer]\nsource = "{camera.url}"\n', *OWN) as drive:
            drive.engaged()
            moment = time.monotonic()
            getattr(camera, fault)()
            drive.neutral_after(moment)
            drive.needs_a_hand()
    finally:
        camera.thaw() if fault == "freeze" else None
        camera.kill()


def test_an_end_by_the_system_leaves_the_car_at_neutral(drive: Drive) -> None:
    drive.ended()
    last = drive.lines()[-1]
    assert (last["state"], last["steering"], last["throttle"]) == ("disarmed", 0.0, 0.0)


def test_an_emergency_stop_takes_effect_in_the_next_cycle(drive: Drive) -> None:
    moment = time.monotonic()
    drive.order("ESTOP")
    since = drive.neutral_after(moment)
    assert all(line["throttle"] == 0 for line in since if line["t"] > moment + 0.06)
    drive.needs_a_hand()


def test_who_lets_the_dead_man_go_stands(tmp_path: Path, clip: Path) -> None:
    settings = f'[steer]\nsource = "file:{clip}"\nloop = true\ndeadman = "hold"\n'
    with driving(tmp_path, settings, *OWN) as drive:
        drive.reaches("ARM", "armed")
        assert "dead-man" in drive.order("ENGAGE")["reason"]
        drive.order("HOLD")
        assert drive.order("ENGAGE")["state"] == "engaged"
        for _ in range(10):
            drive.order("HOLD")
            time.sleep(0.05)
        moment = time.monotonic()
        assert drive.lines()[-1]["throttle"] > 0
        time.sleep(0.7)
        late = [line for line in drive.lines() if line["t"] > moment + 0.45]
        assert {(line["state"], line["throttle"]) for line in late} == {("armed", 0.0)}


@pytest.mark.parametrize("step", [3600, -86400])
def test_a_clock_that_is_set_changes_nothing(tmp_path: Path, clip: Path, step: int) -> None:
    library = tmp_path / "stepped.so"
    source = Path(__file__).parent.parent / "support" / "stepped.c"
    if shutil.which("cc") is None:
        pytest.skip("no compiler is here (apt-get install gcc libc6-dev)")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    env = {"LD_PRELOAD": str(library), "EDGE_TEST_STEP": str(tmp_path / "step")}
    with driving(tmp_path, f'[steer]\nsource = "file:{clip}"\nloop = true\n', *OWN, env=env) as drive:
        drive.engaged()
        moment = time.monotonic()
        (tmp_path / "step").write_text(str(step))
        eventually(lambda: drive.lines()[-1]["t"] > moment + 1.0)
        since = [line for line in drive.lines() if line["t"] > moment]
        assert {line["state"] for line in since} == {"engaged"}
        assert max(line["steering"] for line in since) > 0.4
        assert max(b["t"] - a["t"] for a, b in pairwise(since)) < 0.2


def test_the_slowest_loop_is_in_time_as_well(tmp_path: Path, clip: Path) -> None:
    with driving(tmp_path, f'[steer]\nsource = "file:{clip}"\nloop = true\nhz = 20\n', *OWN) as drive:
        drive.engaged()
        moment = time.monotonic()
        os.kill(drive.loop, signal.SIGSTOP)
        since = drive.neutral_after(moment)
        frame_t = since[0]["frame_t"]
        assert next(line["t"] for line in since if line["throttle"] == 0) < frame_t + 0.19
