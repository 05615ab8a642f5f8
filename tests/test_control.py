"""The local socket: one daemon a configuration, bounded requests, clear words when nobody answers."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge.config.schema import Node
from edge.control import ControlServer, Handler, NotRunning, call, handlers_of, line, place
from edge.errors import EdgeError, StorageError, UserError


@contextmanager
def running(node: Node, handlers: Mapping[str, Handler]) -> Iterator[ControlServer]:
    server = ControlServer(node, handlers)
    stop = threading.Event()
    thread = threading.Thread(target=server.serve, args=(stop,))
    thread.start()
    try:
        yield server
    finally:
        stop.set()
        thread.join()
        server.close()


@pytest.fixture(autouse=True)
def nowhere_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(place, "RUNTIME_FOLDER", tmp_path / "run")


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(name="n", data=tmp_path / "data")


def raw(server: ControlServer, sent: bytes, *, end: bool = False) -> bytes:
    """What a client that is not ours gets."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(5)
        client.connect(str(server.path))
        client.sendall(sent)
        if end:
            client.shutdown(socket.SHUT_WR)
        return client.recv(65536)


def test_a_request_is_answered_and_says_who_asks(node: Node) -> None:
    with running(node, {"echo": lambda request: request}):
        answer = call(node, {"do": "echo", "text": "grün", "by": "root, honestly"})
    assert answer["text"] == "grün"
    assert answer["by"] == f"the command line (user {os.getuid()}, process {os.getpid()})"


def test_many_ask_at_once(node: Node) -> None:
    answers: list[int] = []
    with running(node, {"n": lambda request: request["n"]}):
        threads = [
            threading.Thread(target=lambda n=n: answers.append(call(node, {"do": "n", "n": n}))) for n in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(answers) == list(range(20))


def test_who_waits_for_the_disk_holds_nobody_up(node: Node) -> None:
    reached, free = threading.Event(), threading.Event()

    def arm(request: dict[str, Any]) -> str:
        reached.set()
        assert free.wait(10)
        return "armed"

    with running(node, {"arm": arm, "disarm": lambda request: "disarmed"}):
        answers: list[str] = []
        waiting = threading.Thread(target=lambda: answers.append(call(node, {"do": "arm"})))
        waiting.start()
        assert reached.wait(5)
        assert call(node, {"do": "disarm"}, timeout=5) == "disarmed"
        free.set()
        waiting.join(5)
    assert answers == ["armed"]


def test_only_the_user_and_the_group_may_connect(node: Node) -> None:
    with running(node, {}) as server:
        assert stat.S_IMODE(server.path.stat().st_mode) == 0o660


def test_faults_of_a_handler_reach_the_one_who_asked(node: Node) -> None:
    def refuse(request: dict[str, Any]) -> Any:
        raise UserError("wrong code")

    def fail(request: dict[str, Any]) -> Any:
        raise StorageError("the disk is full")

    with running(node, {"refuse": refuse, "fail": fail}):
        with pytest.raises(UserError, match="wrong code"):
            call(node, {"do": "refuse"})
        with pytest.raises(EdgeError, match="disk is full") as caught:
            call(node, {"do": "fail"})
        assert caught.value.exit_code == 1
        with pytest.raises(UserError, match="refuse, fail"):
            call(node, {"do": "dance"})


@pytest.mark.parametrize("sent", [b"hello\n", b"[]\n", b'{"do": 1}\n', b"\xff\n", b"[" * 3000 + b"\n"])
def test_what_is_no_request_is_told_so(node: Node, sent: bytes) -> None:
    with running(node, {"ping": lambda request: "pong"}) as server:
        assert not json.loads(raw(server, sent))["ok"]
        assert call(node, {"do": "ping"}) == "pong"


def test_a_request_without_end_is_cut_off(node: Node) -> None:
    with running(node, {"ping": lambda request: "pong"}) as server:
        assert raw(server, b'{"do": "ping"', end=True) == b""
        with pytest.raises(OSError, match=r".*"):  # reset or broken pipe, by how far the client got
            raw(server, b"x" * 10_000_000)
        assert call(node, {"do": "ping"}) == "pong"


def test_a_client_that_says_nothing_holds_the_others_up_for_a_moment_only(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "REQUEST_S", 0.3)
    with running(node, {"ping": lambda request: "pong"}) as server, socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(server.path))
        start = time.monotonic()
        assert call(node, {"do": "ping"}) == "pong"
        assert time.monotonic() - start < 2


def test_disarming_waits_for_no_order_that_hangs(node: Node) -> None:
    hangs, goes_on = threading.Event(), threading.Event()

    def arm(request: dict[str, Any]) -> str:
        hangs.set()
        goes_on.wait(10)
        return "armed"

    with running(node, {"arm": arm, "disarm": lambda request: "disarmed"}):
        armed: list[str] = []
        waits = threading.Thread(target=lambda: armed.append(call(node, {"do": "arm"})))
        waits.start()
        assert hangs.wait(5)
        begun = time.monotonic()
        assert call(node, {"do": "disarm"}) == "disarmed"
        assert time.monotonic() - begun < 2
        goes_on.set()
        waits.join()
    assert armed == ["armed"]


def test_an_order_whose_client_has_gone_is_not_begun(node: Node) -> None:
    hang, goes_on, done = threading.Semaphore(0), threading.Event(), list[str]()

    def arm(request: dict[str, Any]) -> str:
        hang.release()
        goes_on.wait(10)
        return "armed"

    handlers: dict[str, Handler] = {"arm": arm, "late": lambda request: done.append("late"), "ping": lambda _: "pong"}
    with running(node, handlers):
        threads = [threading.Thread(target=call, args=(node, {"do": "arm"})) for _ in range(line.AT_ONCE)]
        for thread in threads:
            thread.start()
        assert all(hang.acquire(timeout=5) for _ in threads)
        with pytest.raises(EdgeError, match="may still be done"):
            call(node, {"do": "late"}, timeout=0.2)
        goes_on.set()
        for thread in threads:
            thread.join()
        assert call(node, {"do": "ping"}) == "pong"
    assert done == []


def test_a_client_that_says_no_more_is_answered(node: Node) -> None:
    with running(node, {"ping": lambda request: "pong"}) as server:
        assert json.loads(raw(server, b'{"do": "ping"}\n', end=True))["result"] == "pong"


def test_nobody_there_is_one_clear_line(node: Node) -> None:
    with pytest.raises(NotRunning) as caught:
        call(node, {"do": "status"})
    assert "not running" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_after_a_stop_nobody_is_there(node: Node) -> None:
    with running(node, {"ping": lambda request: "pong"}) as server:
        pass
    assert not server.path.exists()
    with pytest.raises(NotRunning):
        call(node, {"do": "ping"})


def test_a_second_daemon_is_refused_and_the_first_goes_on(node: Node) -> None:
    with running(node, {"ping": lambda request: "pong"}):
        with pytest.raises(UserError, match=f"already running .*process {os.getpid()}"):
            ControlServer(node, {})
        assert call(node, {"do": "ping"}) == "pong"


def test_what_a_killed_daemon_left_behind_is_replaced(node: Node) -> None:
    child = (
        "import os, signal, sys; from pathlib import Path; from edge.config.schema import Node;"
        " from edge.control import ControlServer;"
        " s = ControlServer(Node(name='n', data=Path(sys.argv[1])), {}); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", child, str(node.data)], check=False).returncode < 0
    assert (node.data / "control.sock").exists()
    with pytest.raises(NotRunning):
        call(node, {"do": "ping"})
    with running(node, {"ping": lambda request: "pong"}):
        assert call(node, {"do": "ping"}) == "pong"


def test_under_systemd_the_socket_is_in_the_runtime_folder(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run").mkdir()
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))
    with running(node, {"ping": lambda request: "pong"}) as server:
        assert server.path.parent == tmp_path / "run"
        monkeypatch.delenv("RUNTIME_DIRECTORY")  # as in the user's shell
        assert call(node, {"do": "ping"}) == "pong"


def test_two_daemons_with_their_own_data_are_told_apart_in_a_shared_folder(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    one, two = Node(name="n", data=tmp_path / "one"), Node(name="n", data=tmp_path / "two")
    with running(one, {"who": lambda request: 1}):
        with pytest.raises(NotRunning):
            call(two, {"do": "who"})
        with running(two, {"who": lambda request: 2}):
            assert (call(one, {"do": "who"}), call(two, {"do": "who"})) == (1, 2)


def test_a_service_with_the_default_folder_is_found_from_a_users_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run").mkdir()
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    with running(Node(), {"ping": lambda request: "pong"}):
        monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "other"))
        assert call(Node(), {"do": "ping"}) == "pong"


@pytest.mark.parametrize("own_runtime", [True, False])
def test_a_data_folder_with_a_long_path_works_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_runtime: bool
) -> None:
    with tempfile.TemporaryDirectory(prefix="t") as short:  # tmp_path is long itself
        monkeypatch.setattr(place, "TEMPORARY", Path(short))
        if own_runtime:
            monkeypatch.setenv("XDG_RUNTIME_DIR", f"{short}/run")
        node = Node(name="n", data=tmp_path / ("long" * 30))
        with running(node, {"ping": lambda request: "pong"}) as server:
            assert server.path.parent == Path(short) / ("run/edge" if own_runtime else f"edge-{os.getuid()}")
            assert stat.S_IMODE(server.path.parent.stat().st_mode) & 0o022 == 0
            assert call(node, {"do": "ping"}) == "pong"


def test_a_folder_that_others_can_write_to_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "TEMPORARY", tmp_path)
    trap = tmp_path / f"edge-{os.getuid()}"
    trap.mkdir()
    trap.chmod(0o777)
    with pytest.raises(UserError, match="somebody else"):
        ControlServer(Node(name="n", data=tmp_path / ("long" * 30)), {})


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError) as caught:
        ControlServer(Node(name="n", data=tmp_path / "file" / "data"), {})
    assert "\n" not in str(caught.value)


class Daemon:
    """The little that the socket needs of a daemon."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, ...]] = []

    def status(self) -> dict[str, Any]:
        return {"alarm": "armed_home", "cameras": [{"name": "porch", "switches": {"motion": True}}]}

    def events(self, limit: int) -> list[dict[str, Any]]:
        return [{"seq": seq} for seq in (3, 2, 1)][:limit]

    def arm(self, mode: str, by: str, *, code: str | None = None, now: bool = False) -> None:
        self.calls.append(("arm", mode))

    def panic(self, by: str) -> None:
        self.calls.append(("panic",))

    def alarm_log(self, limit: int) -> list[dict[str, Any]]:
        return [{"what": what} for what in ("disarm", "arm_away")][:limit]

    def disarm(self, code: str | None, by: str) -> None:
        self.calls.append(("disarm", str(code)))

    def switch(self, camera: str, name: str, on: bool, by: str, *, code: str | None = None) -> None:
        self.calls.append(("switch", camera, name, str(on)))


def test_the_requests_of_the_commands(node: Node) -> None:
    daemon = Daemon()
    with running(node, handlers_of(daemon)):
        assert call(node, {"do": "status"})["alarm"] == "armed_home"
        wish = {"do": "switch", "camera": "porch", "name": "motion"}
        assert call(node, {**wish, "on": False}) == {"motion": True}  # as it stands: it follows in its own time
        for wrong in (1, "off", None):
            with pytest.raises(UserError, match="`on`"):
                call(node, {**wish, "on": wrong})
        assert call(node, {"do": "arm", "mode": "night"}) == {"alarm": "armed_home"}
        call(node, {"do": "disarm", "code": None})
        call(node, {"do": "disarm", "code": 12})
        assert [event["seq"] for event in call(node, {"do": "events", "limit": 2})] == [2, 3]
        for wrong in (0, -1, 5000, "x", None):
            with pytest.raises(UserError, match="limit"):
                call(node, {"do": "events", "limit": wrong})
    assert daemon.calls == [
        ("switch", "porch", "motion", "False"),
        ("arm", "night"),
        ("disarm", "None"),
        ("disarm", "12"),
    ]
    with running(node, handlers_of(daemon)):
        call(node, {"do": "panic"})
        assert [line["what"] for line in call(node, {"do": "alarm_log", "limit": 2})] == ["arm_away", "disarm"]
    assert daemon.calls[-1] == ("panic",)
