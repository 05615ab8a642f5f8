"""Events as lines of a file."""

from __future__ import annotations

import io
import json
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.clock import SystemClock
from edge.outbox import Outbox
from edge.sinks.base import encode
from edge.sinks.jsonl import JsonlSink, JsonlWriter
from tests.sinks.conftest import working
from tests.support.broker import eventually
from tests.support.events import event


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """An outbox for the file."""
    outbox = Outbox(tmp_path / "data", "bar", ["jsonl"], SystemClock())
    yield outbox
    outbox.close()


def test_every_event_becomes_a_line_and_a_second_run_appends(outbox: Outbox, tmp_path: Path) -> None:
    target = tmp_path / "events.jsonl"
    for run in range(2):
        sink = JsonlSink(outbox, target, SystemClock())
        with working(sink):
            for i in range(150):
                outbox.put(event("new", f"o{run}-{i}"))
            assert outbox.flush(5)
            assert sink.flush(5)
    assert [json.loads(line)["seq"] for line in target.read_text().splitlines()] == list(range(1, 301))
    assert outbox.flush(5)
    assert outbox.stats().sinks["jsonl"].depth == 0


def test_folder_that_is_not_there_is_a_fault_until_it_is(outbox: Outbox, tmp_path: Path) -> None:
    target = tmp_path / "later" / "events.jsonl"
    sink = JsonlSink(outbox, target, SystemClock(), back_off=(0.05, 0.1))
    with working(sink):
        outbox.put(event())
        eventually(lambda: sink.status.state.phase == "fault")
        assert sink.status.state.reason == f"cannot write {target}: No such file or directory"
        target.parent.mkdir()
        eventually(lambda: target.exists() and target.read_text().count("\n") == 1)
        eventually(lambda: sink.status.state.phase == "up")


def test_stream_gets_lines_as_well() -> None:
    stream = io.BytesIO()
    JsonlWriter(stream).write({"label": "Kätzchen", "n": 1})
    assert stream.getvalue() == '{"label":"Kätzchen","n":1}\n'.encode()
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode({"score": float("nan")})


def test_half_a_line_of_a_full_disk_spoils_no_event(outbox: Outbox, tmp_path: Path) -> None:
    target = tmp_path / "events.jsonl"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    room = 4 << 20  # enough for the outbox's own files
    target.write_bytes(b"{}\n" * ((room - 100) // 3))
    sink = JsonlSink(outbox, target, SystemClock(), back_off=(0.05, 0.1))
    with working(sink):
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
        try:
            outbox.put(event("new", "a"))
            eventually(lambda: sink.status.state.phase == "fault")
            assert target.stat().st_size == room
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        outbox.put(event("new", "b"))
        assert outbox.flush(5)
        assert sink.flush(5)
    torn, *lines = target.read_text().removeprefix("{}\n" * ((room - 100) // 3)).splitlines()
    assert torn.startswith('{"v":1')
    assert [json.loads(line)["seq"] for line in lines if line] == [1, 2]
