"""A child that is lost while it runs: what is told, and how another takes its place."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from edge.engines import child_engine
from edge.errors import EngineError
from tests.support.children import (
    echo,
    feed,
    is_running,
    run_again,
    wait_for,
)
from tests.support.echo_worker import CRASH, DIE, FAIL, HANG, LIE, SHRINK


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """New children need not be waited for."""
    monkeypatch.setattr(child_engine, "BETWEEN_STARTS_S", 0.0)


@pytest.mark.parametrize(
    ("deed", "told"),
    [
        (DIE, r"has ended \(exit code 7\); its last words: farewell, cruel world"),
        (CRASH, r"has ended \(SIGSEGV\); its last words: Fatal Python error: Segmentation fault"),
        (FAIL, "echo: RuntimeError: the stick was pulled out"),
        (SHRINK, "talks nonsense: `y` cannot have the shape"),
        (LIE, "echo: KeyError"),
    ],
)
@pytest.mark.usefixtures("at_once")
def test_a_run_that_the_child_spoils_is_told_and_the_next_is_right(tmp_path: Path, deed: int, told: str) -> None:
    engine = echo(tmp_path)
    shared = engine.buffer("x", (1, 4))
    pid = engine.pid
    with pytest.raises(EngineError, match=told) as fault:
        engine.run(feed(deed))
    assert "\n" not in str(fault.value)
    assert not is_running(pid)
    shared[...] = 1
    np.testing.assert_array_equal(run_again(engine, {"x": shared})["y"], [[2, 2, 2, 2]])
    np.testing.assert_array_equal(engine.run(feed())["y"], [[1, 2, 3, 4]])
    engine.close()


@pytest.mark.usefixtures("at_once")
def test_a_child_that_hangs_is_killed_and_replaced(tmp_path: Path) -> None:
    engine = echo(tmp_path, timeout_s=0.5)
    pid = engine.pid
    with pytest.raises(EngineError, match=r"no answer from its process for 0\.5 s, so it was killed"):
        engine.run(feed(HANG))
    assert not is_running(pid)
    np.testing.assert_array_equal(run_again(engine, feed())["y"], [[1, 2, 3, 4]])
    engine.close()


@pytest.mark.parametrize(("number", "told"), [(signal.SIGKILL, "has ended"), (signal.SIGSTOP, "was killed")])
@pytest.mark.usefixtures("at_once")
def test_a_child_that_was_shot_or_stopped_is_replaced(tmp_path: Path, number: int, told: str) -> None:
    engine = echo(tmp_path, timeout_s=0.5)
    os.kill(engine.pid, number)
    with pytest.raises(EngineError, match=told):
        engine.run(feed())
    np.testing.assert_array_equal(run_again(engine, feed())["y"], [[1, 2, 3, 4]])
    engine.close()


def test_a_child_killed_in_the_middle_of_a_run_ends_that_run(tmp_path: Path) -> None:
    engine = echo(tmp_path, timeout_s=60)
    shot = threading.Timer(0.2, os.kill, (engine.pid, signal.SIGKILL))
    shot.start()
    with pytest.raises(EngineError, match=r"has ended \(SIGKILL\)"):
        engine.run(feed(HANG))
    shot.join()
    engine.close()


def test_at_most_one_child_a_second_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = echo(tmp_path)
    engine._started = time.monotonic()
    with pytest.raises(EngineError, match="farewell"):
        engine.run(feed(DIE))
    with pytest.raises(EngineError, match=r"process was lost; a new one is started in \d\.\d s"):
        engine.run(feed())
    engine._started -= child_engine.BETWEEN_STARTS_S
    run_again(engine, feed())
    engine.close()


@pytest.mark.usefixtures("at_once")
def test_a_child_that_cannot_come_back_is_a_fault_of_the_run(tmp_path: Path) -> None:
    engine = echo(tmp_path)
    (tmp_path / "echo.json").write_text('{"shape": [1, 4], "refuse": "device"}')
    engine._child.kill()
    with pytest.raises(EngineError, match="no new one can be had: echo will not have it"):
        run_again(engine, feed())
    (tmp_path / "echo.json").write_text('{"shape": [1, 5]}')
    with pytest.raises(EngineError, match=r"echo\.json is another model than before"):
        run_again(engine, feed())
    (tmp_path / "echo.json").write_text('{"shape": [1, 4]}')
    run_again(engine, feed())
    engine.close()


@pytest.mark.usefixtures("at_once")
def test_no_run_waits_for_a_new_child_and_closing_ends_one_that_is_loading(tmp_path: Path) -> None:
    engine = echo(tmp_path, timeout_s=60)
    loading = tmp_path / "loading"
    (tmp_path / "echo.json").write_text(json.dumps({"shape": [1, 4], "load": HANG, "pid": str(loading)}))
    engine._child.kill()
    end = time.monotonic() + 30
    while not (loading.is_file() and loading.read_text()):
        begun = time.monotonic()
        with pytest.raises(EngineError, match="echo: its process was lost and is being started again"):
            engine.run(feed())
        assert time.monotonic() - begun < 5
        assert time.monotonic() < end, "no new child is loading"
        time.sleep(0.01)
    gone = os.pidfd_open(int(loading.read_text()))
    engine.close()
    wait_for(gone)
    with pytest.raises(EngineError, match="has been closed"):
        engine.run(feed())


@pytest.mark.usefixtures("at_once")
def test_a_new_child_that_came_too_late_is_ended(tmp_path: Path) -> None:
    engine = echo(tmp_path)
    engine._child.kill()
    with pytest.raises(EngineError, match="is being started again"):
        engine.run(feed())
    successor = engine._successor
    assert successor is not None
    loaded = successor._made.result(30)
    engine.close()
    assert not is_running(loaded.child.pid)


@pytest.mark.usefixtures("at_once")
def test_a_child_that_hears_nonsense_ends_and_says_why(tmp_path: Path) -> None:
    engine = echo(tmp_path)
    engine._child._socket.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with pytest.raises(EngineError, match=r"has ended \(exit code 1\); its last words: .*a frame begins with b'HTTP'"):
        engine.run(feed())
    run_again(engine, feed())
    engine.close()
