"""Full, read-only and damaged disks: one line, nothing stored is lost, and it recovers by itself."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import edge.outbox.writer
from edge.clock import SystemClock
from edge.errors import StorageError
from edge.evidence.governor import make_room
from edge.outbox import Limits, Outbox, read_events
from edge.outbox.spare import SIZE, WELL
from tests.support.broker import eventually
from tests.support.disk import filled
from tests.support.events import event

QUICK = Limits(back_off=(0.05, 0.1))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    yield from _disk(tmp_path / "disk", "1m")


@pytest.fixture
def roomy_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system that has room to spare for events."""
    yield from _disk(tmp_path / "disk", f"{(WELL + 2) * SIZE}")


def _disk(folder: Path, size: str) -> Iterator[Path]:
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"mounting a small file system is not permitted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_full_disk_keeps_events_in_memory_and_stores_them_when_there_is_room(small_disk: Path) -> None:
    box = Outbox(small_disk, "bar", ["mqtt"], SystemClock(), QUICK)
    for i in range(5):
        box.put(event("new", f"stored{i}"))
    assert box.flush(5)
    ballast = filled(small_disk)
    count = 0
    while box.fault is None:
        box.put(event("new", f"more{count}", jpeg=b"j" * 2000))
        count += 1
        box.flush(0.05)
    assert box.fault == f"data folder {small_disk} is full; make room on its disk"
    with pytest.raises(StorageError, match="is full"):
        box.remember("alarm", "armed_away")
    assert box.stats().queued >= 1
    assert [m.payload["after"]["id"] for m in box.pending("mqtt", 5)] == [f"stored{i}" for i in range(5)]
    ballast.unlink()
    assert box.flush(5)
    assert box.fault is None
    assert box.remember("alarm", "armed_away")
    assert box.close()
    seqs = [e["seq"] for e in read_events(small_disk, 10_000)]
    assert seqs == list(range(1, 5 + count + 1))


def test_full_disk_still_takes_events_in_the_room_that_was_kept_for_them(roomy_disk: Path) -> None:
    box = Outbox(roomy_disk, "bar", ["mqtt"], SystemClock(), QUICK)
    ballast = filled(roomy_disk)
    for i in range(200):
        box.put(event("new", f"object{i}"))
    assert box.remember("alarm", "armed_away")
    assert box.flush(5)
    assert box.fault is None
    assert box.close()
    assert len(read_events(roomy_disk, 1000)) == 200
    ballast.unlink()


def test_a_daemon_starts_on_a_full_disk_in_the_room_that_was_kept(roomy_disk: Path) -> None:
    assert Outbox(roomy_disk, "bar", ["mqtt"], SystemClock(), QUICK).close()
    filled(roomy_disk)
    box = Outbox(roomy_disk, "bar", ["mqtt"], SystemClock(), QUICK)
    box.put(event("new", "a"))
    assert box.flush(5)
    assert box.fault is None
    assert box.close()


KILLED = """
import os, signal, sys
from pathlib import Path
from edge.clock import SystemClock
from edge.outbox import Outbox
from tests.support.events import event
box = Outbox(Path(sys.argv[1]), "bar", ["mqtt"], SystemClock())
box.put(event("new", "before"))
box.remember("alarm", "armed_away")
os.kill(os.getpid(), signal.SIGKILL)
"""


def _killed(folder: Path) -> None:
    """A power cut's leavings: a database with its journal."""
    assert subprocess.run([sys.executable, "-c", KILLED, str(folder)], check=False).returncode < 0


def test_what_a_killed_daemon_left_on_a_full_disk_is_known_and_events_wait_until_there_is_room(
    small_disk: Path,
) -> None:
    _killed(small_disk)
    ballast = filled(small_disk)
    box = Outbox(small_disk, "bar", ["mqtt"], SystemClock(), QUICK)
    full = f"data folder {small_disk} is full; make room on its disk"
    assert (box.recall("alarm"), box.fault) == ("armed_away", full)
    with pytest.raises(StorageError, match="in use by another"):
        Outbox(small_disk, "bar", ["mqtt"], SystemClock())
    box.put(event("new", "since"))
    assert not box.flush(0.3)
    assert [m.payload["after"]["id"] for m in box.pending("mqtt", 5)] == ["before"]
    assert box.fault == full
    ballast.unlink()
    assert box.flush(5)
    assert box.fault is None
    assert [m.payload["after"]["id"] for m in box.pending("mqtt", 5)] == ["before", "since"]
    assert box.close()


def test_a_fault_from_the_start_ends_by_itself_where_nothing_waits(small_disk: Path) -> None:
    _killed(small_disk)
    ballast = filled(small_disk)
    box = Outbox(small_disk, "bar", [], SystemClock(), QUICK)
    assert box.fault is not None
    ballast.unlink()
    eventually(lambda: box.fault is None)
    assert box.close()


def test_a_start_on_a_full_disk_deletes_clips_and_then_pictures_the_oldest_first_and_no_event(
    small_disk: Path,
) -> None:
    _killed(small_disk)
    (small_disk / "clips").mkdir()
    for number in range(2):
        for path in (small_disk / f"clips/{number}.mp4", small_disk / f"snapshots/{number}.jpg"):
            path.write_bytes(b"x" * 50_000)
            os.utime(path, (1_700_000_000 + number,) * 2)
    filled(small_disk)
    left: list[list[str]] = []

    def room() -> bool:
        made = make_room(small_disk, small_disk / "snapshots", wanted=50_000)
        left.append(sorted(path.name for path in small_disk.glob("*/*.*")))
        filled(small_disk) if len(left) < 3 else None
        return made

    box = Outbox(small_disk, "bar", ["mqtt"], SystemClock(), QUICK, make_room=room)
    assert left == [["0.jpg", "1.jpg", "1.mp4"], ["0.jpg", "1.jpg"], ["1.jpg"]]
    assert (box.fault, box.recall("alarm")) == (None, "armed_away")
    assert [e["after"]["id"] for e in read_events(small_disk)] == ["before"]
    assert box.close()


def test_nothing_is_deleted_on_a_disk_that_is_not_full(tmp_path: Path) -> None:
    (tmp_path / "snapshots").mkdir()
    (tmp_path / "snapshots/0.jpg").write_bytes(b"x")
    assert not make_room(tmp_path, tmp_path / "snapshots")
    assert (tmp_path / "snapshots/0.jpg").exists()


def test_disk_that_turns_read_only_is_a_fault_and_recovers(small_disk: Path) -> None:
    box = Outbox(small_disk, "bar", ["mqtt"], SystemClock(), QUICK)
    box.put(event("new", "a"))
    assert box.flush(5)
    box.close()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(StorageError) as refused:
        Outbox(small_disk, "bar", ["mqtt"], SystemClock())
    assert str(refused.value).startswith(f"data folder {small_disk} is read-only")
    assert "\n" not in str(refused.value)
    assert [e["seq"] for e in read_events(small_disk)] == [1]
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    again = Outbox(small_disk, "bar", ["mqtt"], SystemClock())
    assert again.stats().sinks["mqtt"].depth == 1
    again.close()


def test_opening_on_a_full_disk_is_one_line(small_disk: Path) -> None:
    filled(small_disk)
    with pytest.raises(StorageError) as refused:
        Outbox(small_disk / "data", "bar", ["mqtt"], SystemClock())
    assert str(refused.value) == f"data folder {small_disk / 'data'} is full; make room on its disk"


def test_damaged_file_is_one_line_and_stays_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "edge.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(StorageError, match=r"is damaged .*move it away"):
        Outbox(tmp_path, "bar", ["mqtt"], SystemClock())
    with pytest.raises(StorageError, match="is damaged"):
        read_events(tmp_path)
    assert (tmp_path / "edge.db").read_bytes().startswith(b"this is no database")


def test_file_where_the_folder_should_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match=f"data folder {tmp_path / 'file'} cannot be used"):
        Outbox(tmp_path / "file", "bar", ["mqtt"], SystemClock())


def test_database_that_is_locked_by_somebody_delays_but_loses_nothing(tmp_path: Path) -> None:
    box = Outbox(tmp_path, "bar", ["mqtt"], SystemClock(), QUICK)
    other = sqlite3.connect(tmp_path / "edge.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for i in range(10):
        box.put(event("new", f"o{i}"))
    assert not box.flush(0.2)
    other.execute("ROLLBACK")
    other.close()
    assert box.flush(6)
    eventually(lambda: box.stats().sinks["mqtt"].depth == 10)
    box.close()


def test_what_lies_about_among_the_pictures_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(edge.outbox.writer, "HOUSEKEEPING_S", 0.01)
    box = Outbox(tmp_path, "bar", ["mqtt"], SystemClock(), Limits(back_off=(0.05, 0.1), picture_bytes=10))
    snapshots = tmp_path / "snapshots"
    (snapshots / "lost+found").mkdir()
    (snapshots / "stray.jpg").write_bytes(b"x")
    box.put(event("new", "a", jpeg=b"jpeg"))
    assert box.flush(5)
    eventually(lambda: not (snapshots / "stray.jpg").exists())
    (snapshots / "a.jpg").unlink()
    (snapshots / "a.jpg").mkdir()  # nothing can unlink it when its turn comes
    box.put(event("new", "b", jpeg=b"jpegjpeg"))
    eventually(lambda: "a.jpg cannot be deleted: Is a directory" in caplog.text)
    assert box.flush(5)
    assert (snapshots / "lost+found").is_dir()
    shutil.rmtree(snapshots)
    box.put(event("new", "c", jpeg=b"jpeg"))
    assert box.flush(5)
    assert (snapshots / "c.jpg").read_bytes() == b"jpeg"
    shutil.rmtree(snapshots)
    snapshots.write_text("no folder")
    box.put(event("new", "d", jpeg=b"jpeg"))
    assert box.flush(5)
    assert "stored without their pictures: File exists" in caplog.text
    assert box.fault is None
    assert box.close()


def test_missing_pictures_folder_does_not_end_the_tidying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge.outbox.writer, "HOUSEKEEPING_S", 0.01)
    box = Outbox(tmp_path, "bar", ["mqtt"], SystemClock(), QUICK)
    (tmp_path / "snapshots").rmdir()
    eventually(lambda: box._store._swept)
    box.put(event("new", "a"))
    assert box.flush(5)
    assert box.close()


def test_value_that_was_answered_with_an_error_is_not_stored_later(tmp_path: Path) -> None:
    box = Outbox(tmp_path, "bar", ["mqtt"], SystemClock(), QUICK)
    assert box.remember("alarm", "armed_away")
    other = sqlite3.connect(tmp_path / "edge.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    box.put(event("new", "a"))
    eventually(lambda: box._writer._busy)
    with pytest.raises(StorageError, match="alarm was not stored: the disk is too slow or hangs"):
        box.remember("alarm", "disarmed", timeout=0.05)
    other.execute("ROLLBACK")
    other.close()
    assert box.flush(6)
    assert box.close()
    again = Outbox(tmp_path, "bar", ["mqtt"], SystemClock())
    assert again.recall("alarm") == "armed_away"
    again.close()


def test_slow_commit_of_a_value_is_waited_for_and_told_truly(tmp_path: Path) -> None:
    box = Outbox(tmp_path, "bar", ["mqtt"], SystemClock(), QUICK)
    other = sqlite3.connect(tmp_path / "edge.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(0.3, other.execute, ["ROLLBACK"]).start()
    assert box.remember("alarm", "disarmed", timeout=0.05)
    assert box.recall("alarm") == "disarmed"
    other.close()
    assert box.close()


def test_damaged_pages_leave_the_figures_and_say_why(tmp_path: Path) -> None:
    box = Outbox(tmp_path, "bar", ["mqtt"], SystemClock())
    for i in range(200):
        box.put(event("new", f"o{i}"))
    assert box.flush(5)
    assert box.close()
    file = tmp_path / "edge.db"
    db = sqlite3.connect(file)
    size = db.execute("PRAGMA page_size").fetchone()[0]
    pages = [page for (page,) in db.execute("SELECT rootpage FROM sqlite_master WHERE name IN ('events', 'pending')")]
    db.close()
    with file.open("r+b") as stream:
        for page in pages:
            stream.seek((page - 1) * size)
            stream.write(b"\xa5" * size)
    again = Outbox(tmp_path, "bar", ["mqtt"], SystemClock(), QUICK)
    stats = again.stats()
    assert stats.fault is not None
    assert "is damaged" in stats.fault
    assert "\n" not in stats.fault
    assert stats.payload()["depth"] == 0
    with pytest.raises(StorageError, match="is damaged"):
        read_events(tmp_path)
    again.close()
