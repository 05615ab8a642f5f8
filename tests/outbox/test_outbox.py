"""What the outbox promises: order, at least once, bounds, and nothing lost on the way to the disk."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edge.errors import StorageError
from edge.outbox import Limits, Outbox, read_events, snapshot_path
from edge.outbox.writer import Batch, Entry, Writer
from edge.types import NO_JOINTS, Activity, Body, Pose, Posture
from tests.outbox.conftest import SetClock
from tests.support.broker import eventually
from tests.support.events import event

Opened = Callable[..., Outbox]


def _states(folder: Path) -> dict[int, str]:
    return {e["seq"]: e["state"] for e in read_events(folder / "data", 100_000)}


def test_seqs_follow_the_order_of_put_over_all_threads(opened: Opened, tmp_path: Path) -> None:
    box = opened()

    def camera(name: str) -> None:
        for i in range(50):
            box.put(event("new", f"{name}{i}", camera=name))

    threads = [threading.Thread(target=camera, args=(name,)) for name in ("one", "two", "three")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert box.flush(5)
    messages = box.pending("mqtt", 1000)
    assert [m.payload["seq"] for m in messages] == list(range(1, 151))
    assert [m.id for m in messages] == sorted(m.id for m in messages)
    for name in ("one", "two", "three"):
        mine = [m.payload["after"]["id"] for m in messages if m.payload["after"]["camera"] == name]
        assert mine == [f"{name}{i}" for i in range(50)]


def test_subscriber_is_woken_once_what_was_put_is_on_the_disk(opened: Opened) -> None:
    box = opened()
    woken = threading.Event()
    box.subscribe("mqtt", woken.set)
    box.put(event())
    assert woken.wait(1.0)
    assert len(box.pending("mqtt", 10)) == 1


def test_acknowledged_messages_do_not_come_again_even_before_their_commit(opened: Opened, tmp_path: Path) -> None:
    box = opened(limits=Limits(mark_s=60.0))
    for i in range(5):
        box.put(event("new", f"o{i}"))
    assert box.flush(5)
    first = box.pending("mqtt", 3)
    box.delivered("mqtt", [m.id for m in first])
    assert [m.payload["seq"] for m in box.pending("mqtt", 10)] == [4, 5]
    assert box.flush(5)
    assert _states(tmp_path) == {1: "delivered", 2: "delivered", 3: "delivered", 4: "pending", 5: "pending"}


def test_unacknowledged_messages_survive_a_sigkill_and_keep_their_seq(opened: Opened, tmp_path: Path) -> None:
    code = (
        "import os, sys, pathlib; from edge.clock import SystemClock; from edge.outbox import Outbox\n"
        "from tests.support.events import event\n"
        "box = Outbox(pathlib.Path(sys.argv[1]), 'bar', ['mqtt'], SystemClock(), boot_id='first')\n"
        "for i in range(20): box.put(event('new', f'o{i}'))\n"
        "assert box.flush(5); os.kill(os.getpid(), 9)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "data")], cwd=root, check=False)
    assert done.returncode == -9
    box = opened(boot_id="second")
    messages = box.pending("mqtt", 100)
    assert [(m.payload["boot_id"], m.payload["seq"]) for m in messages] == [("first", n) for n in range(1, 21)]
    box.put(event("new", "later"))
    assert box.flush(5)
    later = box.pending("mqtt", 100, messages[-1].id)
    assert [(m.payload["boot_id"], m.payload["seq"], m.payload["uid"]) for m in later] == [
        ("second", 1, "second-porch-1")
    ]


def test_waiting_updates_collapse_into_the_newest_and_new_and_end_never(opened: Opened, tmp_path: Path) -> None:
    box = opened()
    for kind in ("new", "update", "update", "update", "end"):
        box.put(event(kind, "a"))
        box.put(event(kind, "b"))
    assert box.flush(5)
    got = [(m.payload["type"], m.payload["after"]["id"], m.payload["seq"], m.replaces) for m in box.pending("mqtt", 99)]
    assert got == [
        ("new", "a", 1, ()),
        ("new", "b", 2, ()),
        ("update", "a", 7, (3, 5)),
        ("update", "b", 8, (4, 6)),
        ("end", "a", 9, ()),
        ("end", "b", 10, ()),
    ]
    told = {e["seq"]: e["replaced_by"] for e in read_events(tmp_path / "data")}
    assert told == {1: None, 2: None, 3: 7, 4: 8, 5: 7, 6: 8, 7: None, 8: None, 9: None, 10: None}


def test_an_update_that_calls_for_somebody_stays_though_they_are_up_again(opened: Opened) -> None:
    """The broker was away while somebody fell and got up: whoever hears of it then is to hear of the fall."""
    fall = Activity("fall", 0.9, 100.0)
    sure = replace(fall, confirmed_at=101.0)
    lying = Activity("lying", 0.9, 100.0, 160.0)
    box = opened()
    for activity in (None, fall, sure, replace(sure, score=0.95), None, None, lying, None):
        update = event("update", "a")
        body = Body(Pose(NO_JOINTS, 0.0), Posture("lying", 0.9, 100.0), activity=activity)
        box.put(replace(update, after=replace(update.after, body=body)))
    box.put(event("end", "a"))
    assert box.flush(5)
    got = [
        (m.payload["seq"], (m.payload["after"]["activity"] or {}).get("kind"), m.replaces)
        for m in box.pending("mqtt", 99)
    ]
    assert got == [(4, "fall", (1, 2, 3)), (7, "lying", (5, 6)), (8, None, ()), (9, None, ())]


def test_update_on_the_wire_is_not_taken_back(opened: Opened) -> None:
    box = opened()
    box.put(event("update", "a"))
    assert box.flush(5)
    assert [m.payload["seq"] for m in box.pending("mqtt", 9)] == [1]
    box.put(event("update", "a"))
    box.put(event("update", "a"))
    assert box.flush(5)
    assert [(m.payload["seq"], m.replaces) for m in box.pending("mqtt", 9)] == [(1, ()), (3, (2,))]


def test_what_a_passed_update_stood_for_has_passed_as_well(opened: Opened, tmp_path: Path) -> None:
    box = opened(("mqtt", "email"))
    for kind in ("new", "update", "update", "update"):
        box.put(event(kind, "a"))
        assert box.flush(5)
    box.passed("email", [message.id for message in box.pending("email", 9)])
    assert box.flush(5)
    assert box.stats().sinks["email"].depth == 0
    told = read_events(tmp_path / "data")
    assert [e["sinks"]["email"] for e in told] == ["passed"] * 4
    assert [e["sinks"]["mqtt"] for e in told] == ["pending", "replaced", "replaced", "pending"]
    assert [e["replaced_by"] for e in told] == [None, 4, 4, None]


def test_each_sink_has_a_queue_of_its_own(opened: Opened, tmp_path: Path) -> None:
    box = opened(("mqtt", "email"))
    box.put(event("new", "a"))
    box.put(event("new", "b"))
    assert box.flush(5)
    mails = box.pending("email", 9)
    box.delivered("email", [mails[0].id], told_by=mails[1].id)
    assert box.flush(5)
    assert [(m.payload["seq"], m.replaces) for m in box.pending("email", 9)] == [(2, (1,))]
    box.delivered("email", [mails[1].id])
    assert box.flush(5)
    assert box.stats().sinks["mqtt"].depth == 2
    assert box.stats().sinks["email"].depth == 0
    told = read_events(tmp_path / "data")
    assert [e["sinks"] for e in told] == [
        {"mqtt": "pending", "email": "replaced"},
        {"mqtt": "pending", "email": "delivered"},
    ]
    assert [e["state"] for e in told] == ["pending", "pending"]


def test_third_refusal_parks_a_message_and_says_why(opened: Opened, tmp_path: Path) -> None:
    box = opened()
    box.put(event())
    assert box.flush(5)
    (message,) = box.pending("mqtt", 9)
    assert not box.refused("mqtt", message.id, "Not authorized")
    assert box.flush(5)
    assert not box.refused("mqtt", message.id, "Not authorized")
    assert box.refused("mqtt", message.id, "Not authorized")
    assert box.pending("mqtt", 9) == []
    assert box.flush(5)
    stats = box.stats().sinks["mqtt"]
    assert (stats.depth, stats.parked, stats.reason) == (0, 1, "Not authorized")
    assert read_events(tmp_path / "data")[0]["reason"] == "Not authorized"


def test_refusals_are_counted_over_a_restart(opened: Opened) -> None:
    box = opened()
    box.put(event())
    assert box.flush(5)
    for _ in range(2):
        assert not box.refused("mqtt", box.pending("mqtt", 1)[0].id, "no")
    box.close()
    again = opened()
    assert again.refused("mqtt", again.pending("mqtt", 1)[0].id, "no")


def test_more_than_the_limit_drops_the_oldest_and_lists_what_it_stood_for(opened: Opened, tmp_path: Path) -> None:
    box = opened(limits=Limits(messages=3), boot_id="boot")
    for kind, name in (("update", "a"), ("new", "b"), ("update", "a"), ("new", "c"), ("new", "d"), ("new", "e")):
        box.put(event(kind, name))  # type: ignore[arg-type]
        assert box.flush(5)
    stats = box.stats()
    assert (stats.sinks["mqtt"].depth, stats.sinks["mqtt"].dropped) == (3, 3)
    assert stats.sinks["mqtt"].dropped_seqs == {"boot": ((1, 3),)}
    assert stats.payload()["dropped_seqs"] == {"boot": [[1, 3]]}
    assert _states(tmp_path) == {1: "dropped", 2: "dropped", 3: "dropped", 4: "pending", 5: "pending", 6: "pending"}


def test_more_bytes_than_the_limit_drop_the_oldest(opened: Opened) -> None:
    box = opened(limits=Limits(size=4000))
    for i in range(20):
        box.put(event("new", f"o{i}"))
    assert box.flush(5)
    waiting = box.pending("mqtt", 99)
    assert waiting[-1].payload["seq"] == 20
    assert 3 <= len(waiting) <= 7
    assert box.stats().sinks["mqtt"].dropped == 20 - len(waiting)


def test_age_counts_only_while_the_clock_is_synchronised(
    opened: Opened, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.outbox.writer.HOUSEKEEPING_S", 0.02)
    clock.ok = False
    clock.offset = -50 * 365 * 86_400.0  # a Pi that boots in the past
    box = opened(limits=Limits(age_s=3600.0))
    box.put(event("new", "before the clock was set"))
    assert box.flush(5)
    clock.offset, clock.ok = 0.0, True
    box.put(event("new", "after"))
    assert box.flush(5)
    threading.Event().wait(0.2)
    assert box.stats().sinks["mqtt"].depth == 2
    clock.offset, clock.ok = 4000.0, False
    threading.Event().wait(0.2)
    assert box.stats().sinks["mqtt"].depth == 2
    clock.ok = True
    eventually(lambda: box.stats().sinks["mqtt"].depth == 0, 3)
    assert box.stats().sinks["mqtt"].dropped == 2


def test_history_and_pictures_beyond_the_limits_are_forgotten(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.outbox.writer.HOUSEKEEPING_S", 0.02)
    data = tmp_path / "data"
    box = opened(limits=Limits(history_rows=10, picture_bytes=300))
    for i in range(20):
        box.put(event("new", f"o{i}", jpeg=b"j" * 100))
        box.put(event("end", f"o{i}"))
    assert box.flush(5)
    assert len(list((data / "snapshots").iterdir())) >= 3
    box.delivered("mqtt", [m.id for m in box.pending("mqtt", 99)])
    assert box.flush(5)
    eventually(lambda: len(read_events(data, 99)) == 10, 3)
    eventually(lambda: len(list((data / "snapshots").iterdir())) == 3, 3)
    assert snapshot_path(data, "o19").read_bytes() == b"j" * 100
    assert read_events(data, 99)[-2]["snapshot"] == str(snapshot_path(data, "o19"))


def test_pictures_have_a_time_of_their_own(
    opened: Opened, clock: SetClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.outbox.writer.HOUSEKEEPING_S", 0.02)
    box = opened(limits=Limits(picture_s=1000.0))
    box.put(event("new", "old", jpeg=b"jpeg"))
    box.put(event("end", "old"))
    assert box.flush(5)
    clock.offset, clock.ok = 2000.0, False
    threading.Event().wait(0.2)
    assert snapshot_path(tmp_path / "data", "old").exists(), "nothing ages by a clock that is not set"
    clock.ok = True
    eventually(lambda: not snapshot_path(tmp_path / "data", "old").exists(), 3)
    assert [row["snapshot"] for row in read_events(tmp_path / "data")] == [None, None]


def test_pending_messages_outlive_the_history_limit(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.outbox.writer.HOUSEKEEPING_S", 0.02)
    box = opened(limits=Limits(history_rows=2))
    for i in range(10):
        box.put(event("end", f"o{i}"))
    assert box.flush(5)
    threading.Event().wait(0.1)
    assert len(box.pending("mqtt", 99)) == 10


def test_objects_left_open_by_a_crash_are_ended_in_the_next_boot(opened: Opened) -> None:
    box = opened(boot_id="first")
    box.put(event("new", "ghost", at=1_700_000_000.0))
    box.put(event("update", "ghost", at=1_700_000_005.0))
    box.put(event("new", "gone"))
    box.put(event("end", "gone"))
    box.close()
    box = opened(boot_id="second")
    assert box.close_orphans(lambda after: after["id"] == "ghost") == 0, "it goes on"
    assert box.close_orphans() == 1
    assert box.flush(5)
    last = box.pending("mqtt", 99)[-1].payload
    assert (last["type"], last["boot_id"], last["seq"]) == ("end", "second", 1)
    assert (last["after"]["id"], last["after"]["end_time"]) == ("ghost", 1_700_000_005.0)
    assert (last["after"]["active"], last["replayed"]) == (False, True)
    box.close()
    assert opened(boot_id="third").close_orphans() == 0


def test_remembered_value_is_on_the_disk_when_remember_returns(opened: Opened, tmp_path: Path) -> None:
    box = opened()
    assert box.recall("alarm") is None
    assert box.remember("alarm", "armed_away")
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "edge.db")) as db:
        assert db.execute("SELECT value FROM kept WHERE key = 'alarm'").fetchone() == ("armed_away",)
    box.close()
    assert opened().recall("alarm") == "armed_away"


def test_events_can_be_read_with_the_daemon_up_or_down_and_newest_last(opened: Opened, tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert read_events(data) == []
    box = opened(sinks=())
    for i in range(5):
        box.put(event("new", f"o{i}", label="cat"))
    assert box.flush(5)
    up = read_events(data, 3)
    assert [e["seq"] for e in up] == [3, 4, 5]
    assert {(e["state"], e["label"], e["camera"], e["armed"]) for e in up} == {
        ("delivered", "cat", "porch", "armed_away")
    }
    box.close()
    assert read_events(data, 3) == up
    assert [e["seq"] for e in read_events(data, 2, before=up[0]["uid"])] == [1, 2]
    assert read_events(data, 3, before="no-such-event") == []


def test_picture_name_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    assert snapshot_path(tmp_path, "../../etc/passwd").parent == tmp_path / "snapshots"


def test_event_that_is_no_json_is_listed_as_dropped_and_does_not_stop_the_others(opened: Opened) -> None:
    box = opened(boot_id="boot")
    good = event("new", "good")
    box.put(replace(good, after=replace(good.after, id="bad", score=float("nan"))))
    box.put(replace(good, after=replace(good.after, id="flat", frame_size=(0, 0))))
    box.put(good)
    assert box.flush(5)
    assert [m.payload["seq"] for m in box.pending("mqtt", 9)] == [3]
    assert box.stats().sinks["mqtt"].dropped_seqs == {"boot": ((1, 2),)}


def test_picture_of_an_event_that_was_never_committed_is_swept_away(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.outbox.writer.HOUSEKEEPING_S", 0.02)
    box = opened()
    box.put(event("new", "kept", jpeg=b"j"))
    box.close()
    left = snapshot_path(tmp_path / "data", "left")
    left.write_bytes(b"j")
    opened()
    eventually(lambda: not left.exists(), 3)
    assert snapshot_path(tmp_path / "data", "kept").exists()


def test_second_daemon_on_the_same_folder_is_refused_in_one_line(opened: Opened, tmp_path: Path) -> None:
    opened()
    with pytest.raises(StorageError, match=f"{tmp_path / 'data'} is in use by another running edge"):
        opened()


def test_late_puts_beyond_memory_are_counted_and_listed(tmp_path: Path, clock: SetClock) -> None:
    stuck = threading.Event()
    taken: list[list[int]] = []
    lost: list[int] = []

    def commit(batch: Batch) -> None:
        stuck.wait(5)
        taken.append([e.seq for e in batch.entries])
        lost.extend(batch.lost)

    writer = Writer(commit, clock, Limits(queued=3))
    writer.start()
    for seq in range(1, 9):
        writer.put(lambda seq=seq: Entry(seq, 0.0, 0.0, True))  # type: ignore[misc]
        if seq == 1:
            eventually(lambda: writer.queued == 0)
    stuck.set()
    assert writer.flush(5)
    assert writer.close(5)
    assert (taken[0], [seq for group in taken[1:] for seq in group], lost) == ([1], [6, 7, 8], [2, 3, 4, 5])


def test_file_descriptors_are_given_back(opened: Opened) -> None:
    opened().close()
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(5):
        opened().close()
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
