"""The alarm's log in the outbox: with the state or not at all, bounded, and in order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edge.outbox import Limits, Outbox, read_audit
from edge.types import AuditEntry


def line(number: int) -> AuditEntry:
    return AuditEntry(float(number), True, "arm_away", "Anna", "web 10.0.0.1", f"number {number}")


def test_a_state_and_its_line_are_stored_together(opened: Callable[..., Outbox], tmp_path: Path) -> None:
    box = opened()
    box.remember_all({"alarm": "armed_away", "alarm_tries": "{}"}, line(1))
    assert (box.recall("alarm"), box.recall("alarm_tries")) == ("armed_away", "{}")
    assert read_audit(tmp_path / "data") == [line(1)]


def test_what_was_queued_comes_in_the_order_in_which_it_was(opened: Callable[..., Outbox], tmp_path: Path) -> None:
    box = opened()
    for number in range(1, 20, 2):
        box.record(line(number))
        underway = box.begin({"alarm": f"{number}"}, line(number + 1))
    assert box.flush(5)
    assert (underway.settled, underway.fault) == (True, None)
    assert box.recall("alarm") == "19"
    assert [entry.at for entry in read_audit(tmp_path / "data")] == [float(number) for number in range(1, 21)]


def test_the_oldest_lines_give_way(opened: Callable[..., Outbox], tmp_path: Path) -> None:
    box = opened(limits=Limits(audit_rows=5))
    for number in range(12):
        box.record(line(number))
    assert box.close()
    assert [entry.at for entry in read_audit(tmp_path / "data")] == [7.0, 8.0, 9.0, 10.0, 11.0]
    assert [entry.at for entry in read_audit(tmp_path / "data", 2)] == [10.0, 11.0]


def test_lines_that_wait_for_a_disk_take_little_memory(opened: Callable[..., Outbox], tmp_path: Path) -> None:
    box = opened(limits=Limits(audit_queued=10))
    for number in range(1000):
        box.record(line(number))
    assert box.close()
    assert read_audit(tmp_path / "data")[-1] == line(999)
