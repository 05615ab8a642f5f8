"""Up to three pictures of an object: which ones stay, within the limits, and in a folder of the version before."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.outbox import Limits, Outbox, snapshot_path
from edge.outbox.writer import HOUSEKEEPING_S
from tests.outbox.conftest import SetClock
from tests.support.broker import eventually
from tests.support.events import event
from tests.support.forgetful import after_the_cut, compiled, prepare, run

Opened = Callable[..., Outbox]


def names(folder: Path) -> set[str]:
    return {path.name for path in (folder / "data" / "snapshots").iterdir()}


def told(box: Outbox, object_id: str = "a") -> list[bytes]:
    return [path.read_bytes() for path in box.pictures(object_id)]


def test_the_first_the_best_and_the_best_before_it_are_kept(opened: Opened, tmp_path: Path) -> None:
    box = opened()
    for second in (0, 3, 6, 9):
        box.put(event("update" if second else "new", "a", at=1e9 + second, jpeg=b"%d" % second))
        assert box.flush(5)
    assert told(box) == [b"0", b"6", b"9"]
    assert snapshot_path(tmp_path / "data", "a").read_bytes() == b"9"
    assert names(tmp_path) == {"a.jpg", "a-1.jpg", "a-2.jpg"}


def test_of_two_pictures_of_one_moment_the_better_one_is_kept(opened: Opened, tmp_path: Path) -> None:
    box = opened()
    for second in (0.0, 0.5, 1.9):
        box.put(event("update" if second else "new", "a", at=1e9 + second, jpeg=b"%.1f" % second))
    assert box.flush(5)
    assert told(box) == [b"1.9"]
    assert told(box, "b") == []


def test_pictures_go_with_their_object_when_there_are_too_many_bytes(
    opened: Opened, clock: SetClock, tmp_path: Path
) -> None:
    box = opened(limits=Limits(picture_bytes=90))
    for number, name in enumerate(("old", "new")):
        for second in (0, 3, 6):
            at = 1e9 + 100 * number + second
            box.put(event("update" if second else "new", name, at=at, jpeg=b"x" * 20))
    assert box.flush(5)
    assert len(names(tmp_path)) == 6
    box._writer._next_housekeeping = clock.monotonic() - HOUSEKEEPING_S
    box.note("wake", "up")
    eventually(lambda: names(tmp_path) == {"new.jpg", "new-1.jpg", "new-2.jpg"})


def test_a_picture_that_an_event_claims_outlives_a_power_cut(tmp_path: Path) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not here: apt-get install gcc")
    program = """
import os, sys, time
from pathlib import Path
from edge.clock import SystemClock
from edge.outbox import Outbox
from tests.support.events import event
box = Outbox(Path(sys.argv[1]), "bar", ["mqtt"], SystemClock())
for second in (0, 3):
    box.put(event("update" if second else "new", "a", at=1e9 + second, jpeg=b"picture %d" % second))
    assert box.flush(5)
os.kill(os.getpid(), 9)
"""
    data, disk = tmp_path / "data", tmp_path / "disk"
    prepare(data / "snapshots", disk)
    run(compiled(tmp_path), "-c", program, str(data), root=data / "snapshots", disk=disk)
    left = after_the_cut(disk, tmp_path / "left")
    assert (left / "a-1.jpg").read_bytes() == b"picture 0"
    assert (left / "a.jpg").read_bytes() == b"picture 3"


def test_an_empty_file_is_no_picture(opened: Opened, tmp_path: Path) -> None:
    box = opened()
    box.put(event("new", "a", at=1e9, jpeg=b"first"))
    assert box.flush(5)
    snapshot_path(tmp_path / "data", "a").write_bytes(b"")
    assert told(box) == []
    box.put(event("update", "a", at=1e9 + 5, jpeg=b"second"))
    assert box.flush(5)
    assert told(box) == [b"second"]


def test_a_folder_of_the_version_before_is_taken_over(opened: Opened, tmp_path: Path) -> None:
    box = opened()
    box.put(event("new", "a", at=1e9, jpeg=b"old"))
    assert box.flush(5)
    box.close()
    with sqlite3.connect(tmp_path / "data" / "edge.db") as db:
        db.execute("DROP INDEX told_by")
    db.close()
    box = opened()
    assert told(box) == [b"old"]
    box.put(event("update", "a", at=1e9 + 60, jpeg=b"new"))
    assert box.flush(5)
    assert told(box)[-1] == b"new"
    assert len(box.pending("mqtt", 10)) == 2


def test_what_a_message_stands_for_can_be_asked_through_any_number_of_heirs(opened: Opened) -> None:
    box = opened(("email",))
    for number in range(4):
        box.put(event("new", f"a{number}"))
    assert box.flush(5)
    first, second, third, fourth = (message.id for message in box.pending("email", 10))
    box.delivered("email", [first], told_by=second)
    box.delivered("email", [second, third], told_by=fourth)
    assert box.flush(5)
    assert [payload["after"]["id"] for payload in box.told_by("email", fourth)] == ["a0", "a1", "a2"]
    assert box.told_by("email", first) == []
    assert box.told_by("mqtt", fourth) == []
