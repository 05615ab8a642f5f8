"""An engine in a child process: what it computes, and what becomes of it when the child does not do as it should."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.engines import child_engine
from edge.engines.base import EngineOptions, Unsupported
from edge.engines.child import Child
from edge.engines.child_engine import ChildEngine
from edge.engines.child_load import Plan
from edge.engines.child_output import LastWords
from edge.engines.workers import protocol
from edge.errors import EngineError, FeedError, MissingError, ModelError
from tests.support.children import descriptors, echo, is_running, liar, program, resident_kb, run_again, script
from tests.support.echo_worker import CRASH, DAWDLE, DIE, FAIL, HANG, LIE, PRINT, SHRINK

HELLO = protocol.pack({"kind": "hello", "version": 1, "backend": "1.0", "devices": ["CPU"]})
X = {"name": "x", "shape": [1, 4], "dtype": "float32", "bytes": 16}
PROGRESS = protocol.pack({"kind": "progress", "part": 0.5, "doing": "thinking"})


def loaded(name: str) -> bytes:
    """The answer to a load of a model with an output of this name."""
    return protocol.pack({"kind": "loaded", "inputs": [X], "outputs": [{**X, "name": name}]})


def feed(first: float = 0, size: int = 4) -> dict[str, NDArray[np.float32]]:
    x = np.arange(size, dtype=np.float32)[None]
    x[0, 0] = first
    return {"x": x}


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """New children need not be waited for."""
    monkeypatch.setattr(child_engine, "BETWEEN_STARTS_S", 0.0)


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
        assert time.monotonic() - begun < 1
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
        "from tests.engines.test_child_engine import feed, HANG;"
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


def wait_for(gone: int) -> None:
    """Until the process of this pidfd has ended."""
    with os.fdopen(gone):
        assert select.select([gone], [], [], 10)[0], "the child is still there"


def test_the_child_writes_nothing_to_our_output(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    engine = echo(tmp_path)
    engine.run(feed(PRINT))
    engine.close()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], "a frame begins with b'HTTP'"),
        ([protocol.HEAD.pack(b"edge", 1 << 31)], "says that it has 2147483648 bytes"),
        ([protocol.HEAD.pack(b"edge", 3) + b"{}}"], "is no JSON"),
        ([HELLO[:20]], "a frame was cut short"),
        ([protocol.pack({"kind": "hello", "version": 2, "backend": "1.0", "devices": []})], "no hello of version 1"),
        ([protocol.pack({"kind": "hello", "version": 1, "backend": "1.0", "devices": "CPU"})], "no list of names"),
        ([protocol.pack({"kind": "done"})], "no hello"),
        ([HELLO, protocol.pack({"kind": "done"})], "done answers no load"),
        (
            [HELLO, protocol.pack({"kind": "loaded", "inputs": [X], "outputs": [{**X, "bytes": 1 << 50}]})],
            "is no number",
        ),
        (
            [
                HELLO,
                protocol.pack(
                    {
                        "kind": "loaded",
                        "inputs": [X],
                        "outputs": [{**X, "name": n, "shape": [1 << 28], "bytes": 1 << 30} for n in "ab"],
                    }
                ),
            ],
            "is no number from 0 to",
        ),
        ([HELLO, protocol.pack({"kind": "progress", "part": "half", "doing": ""})], "`part` is no float"),
        ([PROGRESS, HELLO], "tells progress of what is no load"),
        ([protocol.pack({"kind": "refused", "fault": "failed", "text": "\x1b[2J" + "x" * 9999})], r"echo: \[2Jx{396}…"),
        ([HELLO, protocol.pack({"kind": "refused", "fault": "model", "text": "\x1b]0;x\x07no"})], r"read: \]0;xno$"),
        ([b"edge\x1b[2J\n\x9b"], "talks nonsense: a frame says"),
        ([HELLO, loaded("\x1b[2J")], r"`\[2J` is no name"),
        ([HELLO, loaded("n" * 257)], "`n{50}` is no name: longer than 256 characters"),
    ],
)
def test_a_process_that_talks_nonsense_is_not_believed(tmp_path: Path, answers: list[bytes], told: str) -> None:
    with pytest.raises((EngineError, MissingError, ModelError), match=told) as fault:
        echo(tmp_path, python=liar(tmp_path, *answers))
    assert str(fault.value).isprintable()
    assert len(str(fault.value)) < 1000


def test_progress_during_a_run_is_nonsense(tmp_path: Path) -> None:
    mapped = protocol.pack({"kind": "mapped"})
    engine = echo(tmp_path, python=liar(tmp_path, HELLO, loaded("y"), mapped, mapped, PROGRESS * 3))
    with pytest.raises(EngineError, match="tells progress of what is no load"):
        engine.run(feed())
    engine.close()


def test_what_a_child_says_of_itself_can_be_printed(tmp_path: Path) -> None:
    told = {"kind": "hello", "version": 1, "backend": "\x1b[2J1.0" + "x" * 500, "devices": ["CPU\x07", "犬"]}
    heard: list[str] = []
    doing = protocol.pack({"kind": "progress", "part": 0.5, "doing": "\x1b[1mthinking" + "." * 500})
    python = liar(tmp_path, protocol.pack(told), doing + loaded("y"))
    child = Child(program(python))
    assert (child.version, child.devices) == ("[2J1.0" + "x" * 53 + "…", ("CPU", "犬"))
    child.load({"kind": "load"}, lambda part, doing: heard.append(doing))
    assert heard == ["[1mthinking" + "." * 68 + "…"]
    child.close()


@pytest.mark.usefixtures("at_once")
def test_a_child_that_hears_nonsense_ends_and_says_why(tmp_path: Path) -> None:
    engine = echo(tmp_path)
    engine._child._socket.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with pytest.raises(EngineError, match=r"has ended \(exit code 1\); its last words: .*a frame begins with b'HTTP'"):
        engine.run(feed())
    run_again(engine, feed())
    engine.close()


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ([1 << 40, 0, [1, 4]], "said to lie at 0 of segment"),
        ([0, 1 << 20, [1, 4]], "said to lie at 1048576"),
        ([0, 0, [1, 400]], "cannot have the shape"),
        ([0, 0], "is no place"),
    ],
)
def test_results_are_read_only_from_where_they_may_lie(tmp_path: Path, place: list[Any], told: str) -> None:
    mapped = protocol.pack({"kind": "mapped"})
    loaded = protocol.pack({"kind": "loaded", "inputs": [X], "outputs": [{**X, "name": "y"}]})
    done = protocol.pack({"kind": "done", "outputs": {"y": place}})
    engine = echo(tmp_path, python=liar(tmp_path, HELLO, loaded, mapped, mapped, done))
    with pytest.raises(EngineError, match=told):
        engine.run(feed())
    engine.close()


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


def test_last_words_are_bounded() -> None:
    said = LastWords()
    said.add(b"x" * 1_000_000)
    said.add(b"y" * 1000 + b"\n" + b"line\n" * 1000 + b"end")
    assert len(said.lines()) == LastWords.LINES + 1
    assert max(map(len, said.lines())) <= LastWords.WIDTH
    assert str(said) == "; its last words: end"


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
