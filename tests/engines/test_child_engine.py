"""An engine in a child process: what it computes, and what becomes of it when the child does not do as it should."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.engines.base import EngineOptions, Unsupported
from edge.engines.child import Child
from edge.engines.child_engine import ChildEngine
from edge.engines.child_load import Plan
from edge.errors import EngineError, FeedError, MissingError, ModelError
from tests.support.children import (
    descriptors,
    echo,
    feed,
    is_running,
    program,
    resident_kb,
    script,
    wait_for,
)
from tests.support.echo_worker import CRASH, DAWDLE, DIE, FAIL, HANG


def test_computes_on_buffers_and_on_other_arrays_alike(tmp_path: Path) -> None:
    engine = echo(tmp_path)
    shared = engine.buffer("x", (1, 4))
    shared[...] = 5
    strided = np.arange(8, dtype=np.float32).reshape(1, 8)[:, ::2]
    np.testing.assert_array_equal(engine.run({"x": shared})["y"], [[6, 6, 6, 6]])
    np.testing.assert_array_equal(engine.run({"x": strided})["y"], [[1, 3, 5, 7]])
    np.testing.assert_array_equal(engine.run(feed())["y"], [[1, 2, 3, 4]])
    np.testing.assert_array_equal(np.asarray(engine.bare({"x": strided})())[0], [[1, 3, 5, 7]])
    engine.close()


def test_a_part_of_a_larger_buffer_is_read_where_it_is(tmp_path: Path) -> None:
    engine = echo(tmp_path)
    several = engine.buffer("x", (3, 4))
    several[...] = np.arange(12).reshape(3, 4)
    np.testing.assert_array_equal(engine.run({"x": several[2:]})["y"], [[9, 10, 11, 12]])
    assert engine._own == {}
    engine.close()


def test_results_belong_to_the_caller(tmp_path: Path) -> None:
    engine = echo(tmp_path)
    first = engine.run(feed())["y"]
    engine.run(feed(9))
    engine.close()
    np.testing.assert_array_equal(first, [[1, 2, 3, 4]])
    first += 1


def test_a_buffer_outlives_its_engine(tmp_path: Path) -> None:
    engine = echo(tmp_path)
    shared = engine.buffer("x", (1, 4))
    engine.close()
    del engine
    gc.collect()
    shared[...] = 3
    assert shared.sum() == 12


def test_open_sizes_may_differ_from_run_to_run(tmp_path: Path) -> None:
    engine = echo(tmp_path, shape=[1, None])
    for size in (4, 9, 2):
        np.testing.assert_array_equal(engine.run(feed(size=size))["y"], np.arange(1, size + 1)[None])
    with pytest.raises(FeedError, match="input `x` has 260 bytes, and no more than 256 are taken"):
        engine.run(feed(size=65))
    engine.close()


def test_a_feed_that_does_not_fit_costs_no_child(tmp_path: Path) -> None:
    engine = echo(tmp_path)
    pid = engine.pid
    with pytest.raises(FeedError, match=r"echo: input `x` wants shape \(1, 4\), got \(1, 5\)"):
        engine.run(feed(size=5))
    engine.run(feed())
    assert engine.pid == pid
    engine.close()


@pytest.mark.parametrize(
    ("wanted", "error", "told"),
    [
        ({"refuse": "model"}, ModelError, r"echo\.json: not a model that echo can read: will not have it"),
        ({"refuse": "unsupported"}, Unsupported, "echo cannot run it: will not have it"),
        ({"refuse": "device"}, MissingError, "echo will not have it"),
        ({"refuse": "package"}, MissingError, "echo: will not have it"),
        ({"refuse": "whatever"}, EngineError, "echo: will not have it"),
        ({"load": DIE}, EngineError, r"has ended \(exit code 7\); its last words: farewell"),
        ({"load": CRASH}, EngineError, r"has ended \(SIGSEGV\)"),
        ({"load": FAIL}, EngineError, "the stick was pulled out"),
    ],
)
def test_what_goes_wrong_with_loading_is_one_line(
    tmp_path: Path, wanted: dict[str, Any], error: type[Exception], told: str
) -> None:
    gc.collect()  # what earlier tests left
    before = descriptors(os.getpid())
    with pytest.raises(error, match=told) as fault:
        echo(tmp_path, **wanted)
    assert "\n" not in str(fault.value)
    assert descriptors(os.getpid()) == before


def test_loading_has_a_limit_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.engines.child.LOAD_S", 0.5)
    with pytest.raises(EngineError, match=r"no answer from its process for 0\.5 s, so"):
        echo(tmp_path, timeout_s=60, load=HANG)


def test_a_load_that_tells_progress_for_ever_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.engines.child.WHOLE_LOAD_S", 1.0)
    with pytest.raises(EngineError, match=r"no answer from its process for 1 s in all, so it was killed"):
        echo(tmp_path, load=DAWDLE)


def test_loading_tells_how_far_it_is(tmp_path: Path) -> None:
    heard: list[tuple[float, str]] = []
    echo(tmp_path).close()
    options = EngineOptions(progress=lambda part, doing: heard.append((part, doing)))
    ChildEngine(Plan(program(), tmp_path / "echo.json", "CPU", options)).close()
    assert heard == [(0.25, "reading"), (0.75, "thinking")]


def test_closing_ends_the_child_and_leaves_no_zombie(tmp_path: Path) -> None:
    gc.collect()  # what earlier tests left
    before = descriptors(os.getpid())
    engine = echo(tmp_path)
    engine.run(feed())
    pid = engine.pid
    engine.close()
    engine.close()
    assert not Path(f"/proc/{pid}").exists()
    with pytest.raises(EngineError, match="echo: the engine has been closed"):
        engine.run(feed())
    del engine
    gc.collect()
    assert descriptors(os.getpid()) == before


def test_closing_a_child_that_does_not_listen_kills_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.engines.child.PARTING_S", 0.2)
    engine = echo(tmp_path)
    pid = engine.pid
    os.kill(pid, signal.SIGSTOP)
    engine.close()
    assert not Path(f"/proc/{pid}").exists()


def test_an_engine_that_nobody_keeps_takes_its_child_with_it(tmp_path: Path) -> None:
    engine = echo(tmp_path)
    pid = engine.pid
    del engine
    gc.collect()
    assert not is_running(pid)


def test_a_child_outlives_the_thread_that_loaded_it(tmp_path: Path) -> None:
    made: list[ChildEngine] = []
    thread = threading.Thread(target=lambda: made.append(echo(tmp_path)))
    thread.start()
    thread.join()
    np.testing.assert_array_equal(made[0].run(feed())["y"], [[1, 2, 3, 4]])
    made[0].close()


@pytest.mark.parametrize("busy", ["idle", "hanging"])
def test_a_child_ends_when_our_process_is_killed(tmp_path: Path, busy: str) -> None:
    code = (
        "import sys, threading, pathlib; from tests.support.children import echo;"
        "from tests.support.children import feed; from tests.support.echo_worker import HANG;"
        "engine = echo(pathlib.Path(sys.argv[1])); run = threading.Thread(target=lambda: engine.run(feed(HANG)));"
        "run.start() if sys.argv[2] == 'hanging' else None; print(engine.pid, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, tmp_path, busy]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as ours:
        assert ours.stdout is not None
        pid = int(ours.stdout.readline())
        assert is_running(pid)
        gone = os.pidfd_open(pid)
        ours.kill()
    wait_for(gone)


def test_an_interpreter_that_is_none_is_one_line_with_what_to_do(tmp_path: Path) -> None:
    hint = "it takes Python 3.6 or later and: .* -m pip install numpy"
    plain = tmp_path / "plain"
    plain.write_text("no program")
    for python, told in (
        (tmp_path / "gone", "cannot be started .No such file or directory."),
        (plain, "cannot be started .Permission denied."),
        (Path("/bin/true"), "its process has ended .exit code 0."),
        (script(tmp_path / "bare", f'#!/bin/sh\nexec {sys.executable} -S "$@"\n'), "No module named 'numpy'"),
    ):
        with pytest.raises(MissingError, match=f"echo: .*{told}.*{hint}") as fault:
            Child(program(python))
        assert "\n" not in str(fault.value)


def test_a_worker_file_that_fails_to_import_is_told(tmp_path: Path) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text("from nowhere import nothing\n")
    with pytest.raises(MissingError, match="No module named 'nowhere'"):
        Child(program(worker=worker))


def test_a_script_may_stand_for_the_interpreter(tmp_path: Path) -> None:
    wrapped = script(tmp_path / "python", f'#!/bin/sh\nexport MARK=1\n{sys.executable} "$@"\n')
    engine = echo(tmp_path, python=wrapped)
    np.testing.assert_array_equal(engine.run(feed())["y"], [[1, 2, 3, 4]])
    pid = engine.pid
    engine.close()
    assert not Path(f"/proc/{pid}").exists()


def test_what_a_script_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    left = tmp_path / "left"
    wrapped = script(tmp_path / "python", f'#!/bin/sh\nsleep 600 &\necho $! >{left}\nexec {sys.executable} "$@"\n')
    engine = echo(tmp_path, python=wrapped)
    gone = os.pidfd_open(int(left.read_text()))
    engine.close()
    wait_for(gone)


@pytest.mark.parametrize("then", ["exit 1", f'exec {sys.executable} "$@"'])
def test_what_a_script_leaves_behind_for_good_keeps_nothing_of_ours(tmp_path: Path, then: str) -> None:
    gc.collect()  # what earlier tests left
    threads, files = threading.active_count(), descriptors(os.getpid())
    left = tmp_path / "left"
    talks = f"#!/bin/sh\necho $$ >{left}\nexec {sys.executable} -c 'while True: print(1)'\n"
    chatter = script(tmp_path / "chatter", talks)
    wrapped = script(
        tmp_path / "python", f"#!/bin/sh\nsetsid {chatter} &\nuntil [ -s {left} ]; do sleep 0.01; done\n{then}\n"
    )
    try:
        with contextlib.suppress(MissingError):
            echo(tmp_path, python=wrapped).close()
        assert (threading.active_count(), descriptors(os.getpid())) == (threads, files)
    finally:
        with contextlib.suppress(ProcessLookupError):  # it talks into a pipe that nobody reads any more
            os.kill(int(left.read_text()), signal.SIGKILL)


def test_ten_thousand_runs_leave_memory_and_descriptors_as_they_were(tmp_path: Path) -> None:
    engine = echo(tmp_path)
    shared = engine.buffer("x", (1, 4))
    shared[...] = 1
    ours, theirs = os.getpid(), engine.pid

    def used() -> list[tuple[int, int]]:
        gc.collect()
        return [(resident_kb(pid), descriptors(pid)) for pid in (ours, theirs)]

    def run(times: int) -> None:
        for number in range(times):
            engine.run({"x": shared} if number % 2 else feed())
            if number % 100 == 0:
                engine.buffer("x", (1, 4))[...] = 1

    run(500)
    before = used()
    run(10_000)
    for (memory, files), (memory_before, files_before) in zip(used(), before, strict=True):
        assert memory - memory_before < 5 * 1024
        assert files == files_before
    engine.close()


def test_buffers_that_nobody_keeps_are_unmapped_in_the_child(tmp_path: Path) -> None:
    engine = echo(tmp_path)
    for _ in range(50):
        shared = engine.buffer("x", (1, 4))
        shared[...] = 1
        engine.run({"x": shared})
    del shared
    engine.run(feed())
    maps = Path(f"/proc/{engine.pid}/maps").read_text()
    assert maps.count("edge-tensor") <= 3
    engine.close()
