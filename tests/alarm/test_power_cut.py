"""The power goes at every change of the alarm, on a disk that forgets what was not fsynced.

The method: the alarm runs on a real outbox, in a process whose fsync, fdatasync, rename and unlink are `forgetful.c`'s.
It kills itself in the very moment in which somebody hears of a state or an order returns. What the disk kept is laid
out as a new folder, and an alarm starts on it with another boot of the machine. First, though: this disk does forget.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest

from edge.alarm import Alarm, World
from edge.clock import SystemClock
from edge.outbox import Outbox, read_audit
from tests.support.alarm_house import HOUSE
from tests.support.forgetful import after_the_cut, compiled, prepare, run

AFTER = {"arming": "armed_away", "pending": "triggered"}
"""What a state is after a cut, where it is another one; all orders here arm `away`."""
DAY = (
    *("arm:away", "wait:46", "see:", "wait:31", "settle", "wait:601", "settle"),
    *("see:window", "settle", "disarm", "panic", "settle", "wait:601", "settle"),
    *("arm_now:away", "see:", "settle", "disarm", "arm:away", "disarm", "settle"),
)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not here: apt-get install gcc")
    return compiled(tmp_path_factory.mktemp("forgetful"))


def live(library: Path, base: Path, cuts: Iterable[int], *orders: str) -> dict[int, list[str]]:
    """Lives up to their cuts, by their numbers; what was told of each. Their disks are in `base`."""
    numbers = list(cuts)
    for cut in numbers:
        prepare(base / str(cut) / "root", base / str(cut) / "disk")
    run(library, "-m", "tests.support.alarm_life", str(base), ",".join(map(str, numbers)), *orders)
    return {cut: (base / str(cut) / "told").read_text().splitlines() for cut in numbers}


def found(folder: Path) -> tuple[str, str]:
    """The alarm's state when it starts on a folder in another boot, and once its thread has looked."""
    with closing(sqlite3.connect(folder / "edge.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    outbox = Outbox(folder, "pi", [], SystemClock())
    alarm = Alarm(outbox, settings=HOUSE, world=World(boot="another"))
    first = alarm.state
    for _ in range(3):
        alarm.turn()
        assert outbox.flush(5)
    kept = outbox.recall("alarm")
    assert outbox.close()
    assert kept is not None
    assert kept.split()[0] == alarm.state, "what is shown is what is stored"
    return first, alarm.state


def test_the_disk_forgets_what_was_not_fsynced(library: Path, tmp_path: Path) -> None:
    program = """
import os, sys
root = sys.argv[1]
def write(name, text, sync):
    fd = os.open(f"{root}/{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.write(fd, text)
    if sync: os.fsync(fd)
    os.close(fd)
def sync_names():
    fd = os.open(root, os.O_RDONLY); os.fsync(fd); os.close(fd)
write("kept", b"first", True); write("empty", b"never", False); write("gone", b"gone", True); sync_names()
write("kept", b"second", False)
write("nameless", b"data", True)
os.unlink(f"{root}/gone")
write("fresh", b"x", True)
os.rename(f"{root}/fresh", f"{root}/renamed")
os.kill(os.getpid(), 9)
"""
    root, disk = tmp_path / "root", tmp_path / "disk"
    prepare(root, disk)
    run(library, "-c", program, str(root), root=root, disk=disk)
    back = after_the_cut(disk, tmp_path / "back")
    assert {path.name: path.read_bytes() for path in back.iterdir()} == {
        "kept": b"first",  # the new content was not synced
        "empty": b"",  # the name was, the content was not
        "gone": b"gone",  # that it was deleted was not
    }


@pytest.mark.parametrize(("level", "kept"), [("FULL", True), ("NORMAL", False), ("OFF", False)])
def test_a_database_that_does_not_sync_each_commit_loses_it_here(
    library: Path, tmp_path: Path, level: str, kept: bool
) -> None:
    program = """
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1] + "/edge.db", isolation_level=None)
db.execute("PRAGMA journal_mode = WAL")
db.execute("CREATE TABLE t (x)")
db.execute(f"PRAGMA synchronous = {sys.argv[2]}")
db.execute("INSERT INTO t VALUES (1)")
os.kill(os.getpid(), 9)
"""
    root, disk = tmp_path / "root", tmp_path / "disk"
    prepare(root, disk)
    run(library, "-c", program, str(root), level, root=root, disk=disk)
    back = after_the_cut(disk, tmp_path / "back")
    with closing(sqlite3.connect(back / "edge.db")) as db:
        assert db.execute("SELECT count(*) FROM t").fetchone() == (int(kept),)


def test_a_cut_at_every_moment_of_a_day_forgets_no_order_and_no_alarm(library: Path, tmp_path: Path) -> None:
    calm = live(library, tmp_path, [10_000], *DAY)[10_000]
    assert {line.split()[-1] for line in calm} == {"disarmed", "arming", "armed_away", "pending", "triggered"}
    for cut, told in live(library, tmp_path, range(len(calm)), *DAY).items():
        assert told == calm[: cut + 1], "two runs live the same day"
        back = after_the_cut(tmp_path / str(cut) / "disk", tmp_path / str(cut) / "back")
        first, then = found(back)
        # An order is on the disk before anybody hears of it. What an intruder, a panic or the time brings about is told
        # first: until the disk has it, what it had before is found.
        since = next(i for i in range(cut, -1, -1) if on_disk(calm, i))
        expected = {AFTER.get(state, state) for state in (line.split()[-1] for line in told[since:])}
        assert then in expected, (cut, told[since:])
        assert first != "disarmed" or "disarmed" in expected


def on_disk(calm: list[str], moment: int) -> bool:
    """Whether the disk has for certain what was told in a moment: an order that was given, or all that was settled."""
    following = next((line for line in calm[moment:] if line.startswith("done")), "")
    return following.startswith(("done arm", "done disarm")) or calm[moment].startswith("done settle") or moment == 0


def test_armed_stays_armed_over_many_cuts_until_somebody_disarms(library: Path, tmp_path: Path) -> None:
    """Lives of random orders, each on the disk that the last one left behind."""
    dice = random.Random(5)  # noqa: S311 - the same lives in every run
    choices = ["disarm", "see:", "see:window", "wait:31", "wait:601", "settle"]
    armed_after = 0
    for number in range(2):
        base, promised = tmp_path / str(number), "disarmed"
        folder: Path | None = None
        for life in range(5):
            cut = dice.randrange(2, 14)
            orders = [*(["disarm", "arm_now:away"] if dice.random() < 0.5 else []), *dice.choices(choices, k=8)]
            if folder is not None:
                shutil.copytree(folder, base / str(life) / str(cut) / "root")
            (told,) = live(library, base / str(life), [cut], *orders).values()
            for line in told:
                if line.startswith("done arm") or line == "heard armed_away":
                    promised = "armed"
                elif line.startswith("done disarm") or line == "heard disarmed":
                    promised = "disarmed"
            folder = after_the_cut(base / str(life) / str(cut) / "disk", base / str(life) / "back")
            _, state = found(folder)
            assert (state != "disarmed") == (promised == "armed"), told
            armed_after += promised == "armed"
    assert armed_after >= 3


def test_the_log_tells_of_every_order_that_the_disk_has(library: Path, tmp_path: Path) -> None:
    (told,) = live(library, tmp_path, [1], "arm:away", "disarm").values()
    assert told == ["heard disarmed", "heard arming"]
    back = after_the_cut(tmp_path / "1" / "disk", tmp_path / "back")
    lines = [(entry.what, entry.source, entry.result, entry.clock_ok) for entry in read_audit(back)]
    assert lines == [("start", "alarm", "done", False), ("arm_away", "web", "done", False)]
