"""Room on the disk: what goes, in which order, and what never does."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from edge.clock import SystemClock
from edge.evidence import governor
from edge.evidence.governor import Governor, StorageLimits
from tests.support.disk import small_disk

DAY = 86_400.0
NOW = 1_800_000_000.0


class Hands:
    """A clock that a test moves, and whether it is synchronised."""

    def __init__(self, wall: float = NOW) -> None:
        self.now, self.offset, self.ok = 1000.0, wall - 1000.0, True

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now + self.offset

    def synchronised(self) -> bool:
        return self.ok


def keep(folder: Path, name: str, age: float, size: int = 4096, *, wall: float = NOW) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(size))
    os.utime(path, (wall - age, wall - age))
    return path


def governs(folder: Path, clock: Hands, **limits: float) -> Governor:
    (folder / "snapshots").mkdir(exist_ok=True, parents=True)
    given = StorageLimits(**{"keep_free": 0, **limits})  # type: ignore[arg-type]
    return Governor(folder, folder / "snapshots", given, clock, clock.synchronised)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*/*"))


def test_clips_past_their_time_go_and_the_rest_stays(tmp_path: Path) -> None:
    keep(tmp_path, "clips/1-a.mp4", 3 * DAY)
    keep(tmp_path, "clips/2-b.mp4", DAY)
    keep(tmp_path, "clips/3-c.part", 30 * DAY)
    keep(tmp_path, "snapshots/1-a.jpg", 300 * DAY)
    watch = governs(tmp_path, Hands(), clips_s=2 * DAY)
    watch.look()
    assert names(tmp_path) == ["1-a.jpg", "2-b.mp4", "3-c.part"], "snapshots go with the outbox's rows"
    assert watch.status()["clips"] == 1
    assert watch.status()["oldest"] == 2.0
    assert watch.status()["deleted"] == 1


def test_the_quota_takes_the_oldest_clips_first_with_all_of_their_names(tmp_path: Path) -> None:
    for number in range(10):
        keep(tmp_path, f"clips/{number}-a.mp4", (10 - number) * 100, 100_000)
    os.link(tmp_path / "clips/0-a.mp4", tmp_path / "clips/5-z.mp4")
    watch = governs(tmp_path, Hands(), quota=500_000)
    watch.look()
    used = watch.status()["used"]
    assert 300_000 < used <= 500_000
    left = names(tmp_path)
    assert left == [f"{number}-a.mp4" for number in range(10 - len(left), 10)]
    watch.look()
    assert names(tmp_path) == left, "nothing goes without need"


def test_snapshots_go_only_once_there_is_no_clip_and_young_ones_never(tmp_path: Path) -> None:
    keep(tmp_path, "clips/1-a.mp4", 100, 100_000)
    for number in range(5):
        keep(tmp_path, f"snapshots/{number}-a.jpg", 100 + number, 100_000)
    keep(tmp_path, "snapshots/9-z.jpg", 1, 100_000)
    governs(tmp_path, Hands(), quota=300_000).look()
    assert names(tmp_path) == ["0-a.jpg", "9-z.jpg"]


def test_before_the_clock_is_set_nothing_ages_and_afterwards_it_counts_from_then(tmp_path: Path) -> None:
    clock = Hands(wall=NOW - 900 * DAY)  # a board that was switched off for years
    clock.ok = False
    watch = governs(tmp_path, clock, clips_s=2 * DAY)
    keep(tmp_path, "clips/1-a.mp4", 0, wall=clock.wall())
    keep(tmp_path, "clips/0-old.mp4", 400 * DAY, wall=clock.wall())
    watch.look()
    assert len(names(tmp_path)) == 2
    again = governs(tmp_path, clock, clips_s=2 * DAY)  # a restart forgets nothing of it
    clock.now += 60
    keep(tmp_path, "clips/2-b.mp4", 0, wall=clock.wall())
    clock.offset, clock.ok = NOW - clock.now, True  # set before anybody looked
    again.look()
    assert names(tmp_path) == ["1-a.mp4", "2-b.mp4"]
    clock.now += 3 * DAY
    again.look()
    assert names(tmp_path) == []


def test_where_others_fill_the_disk_no_clip_begins_until_there_is_room_again(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 64) as disk:
        watch = governs(disk, Hands(), keep_free=20_000_000)
        watch.look()
        assert watch.refuses() is None
        keep(disk, "clips/1-a.mp4", 100, 1_000_000)
        ballast = disk / "somebody-else"
        ballast.write_bytes(b"x" * 50_000_000)
        watch.look(full=False)
        assert names(disk) == []
        assert "MB are to stay free: make room there; events go on" in (watch.refuses() or "")
        assert watch.status()["state"] == "full"
        ballast.unlink()
        watch.look(full=False)
        assert watch.refuses() is None


def test_without_settings_a_small_disk_keeps_some_room_and_a_large_one_two_percent(tmp_path: Path) -> None:
    watch = Governor(tmp_path, tmp_path, StorageLimits(), SystemClock(), lambda: True)
    watch.look()
    status = watch.status()
    assert status["keep_free"] >= governor.LEAST_FLOOR
    assert status["quota"] <= governor.USUAL_QUOTA
    with small_disk(tmp_path / "disk", 64) as disk:
        (disk / "snapshots").mkdir()
        watch = Governor(disk, disk / "snapshots", StorageLimits(), SystemClock(), lambda: True)
        watch.look()
        assert watch.refuses() is None
        assert watch.status()["keep_free"] == pytest.approx(16 << 20, rel=0.01)


def test_a_folder_that_is_gone_is_a_state_and_no_end(tmp_path: Path) -> None:
    watch = governs(tmp_path / "data", Hands())
    (tmp_path / "data" / "snapshots").rmdir()
    (tmp_path / "data").rmdir()
    watch.look()
    assert "cannot be looked at" in (watch.refuses() or "")


def test_who_rings_during_a_look_is_heard_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch, stop, looked, count = governs(tmp_path, Hands()), threading.Event(), [], governor._items

    def rings(folder: Path, suffix: str) -> list[governor._Item]:
        looked.append(folder)
        if len(looked) == 1:
            watch.wake()
        if len(looked) > 2:  # the second look: there are two folders
            stop.set()
        return count(folder, suffix)

    monkeypatch.setattr(governor, "_items", rings)
    timer = threading.Timer(10, stop.set)
    timer.start()
    watch.run(stop)
    timer.cancel()
    assert len(looked) > 2


def test_records_of_joints_go_with_their_events_and_after_pictures(tmp_path: Path) -> None:
    keep(tmp_path, "poses/1-a.csv", 3 * DAY)
    keep(tmp_path, "poses/2-b.csv", DAY)
    keep(tmp_path, "poses/3-c.part", 30 * DAY)
    keep(tmp_path, "snapshots/2-b.jpg", DAY)
    keep(tmp_path, "clips/2-b.mp4", DAY)
    watch = governs(tmp_path, Hands(), poses_s=2 * DAY)
    watch.look()
    assert names(tmp_path) == ["2-b.csv", "2-b.jpg", "2-b.mp4", "3-c.part"]
    assert watch.status()["poses"] == 1
    assert watch.status()["used"] == 3 * 4096
    governs(tmp_path, Hands(), quota=4400).look()
    assert names(tmp_path) == ["2-b.csv", "3-c.part"]
    governs(tmp_path, Hands(), quota=0).look()
    assert names(tmp_path) == ["3-c.part"]
