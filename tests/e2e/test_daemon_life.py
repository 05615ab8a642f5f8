"""The whole daemon in a process of its own: starting, reloading, being watched, ending."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.support.broker import Broker, Subscriber, eventually, free_port, retained
from tests.support.daemon import EDGE, Daemon
from tests.support.mailserver import PASSWORD, USERNAME, MailServer
from tests.support.shared_data import DATA, SSD, needs_data

CAMERA = '[[camera]]\nname = "hall"\nsource = "synthetic:"\nlabels = ["motion"]\n'


def page() -> str:
    return f"[web]\nport = {free_port()}\n"


@contextlib.contextmanager
def running(folder: Path, config: str, env: dict[str, str] | None = None) -> Iterator[Daemon]:
    daemon = Daemon(folder, config, env)
    try:
        yield daemon.start()
    finally:
        daemon.kill()


def refused(folder: Path, config: str) -> tuple[int, list[str]]:
    """Exit code and stderr lines of a daemon that does not start."""
    file = folder / "edge.toml"
    file.write_text(config)
    done = subprocess.run([EDGE, "run", "--config", file], capture_output=True, text=True, timeout=30)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr.strip().splitlines()


class Systemd:
    """The notification socket of a service manager."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "notify"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self.path))
        self._socket.settimeout(0.2)

    def heard(self, seconds: float) -> list[str]:
        """The notifications of the next seconds."""
        until = time.monotonic() + seconds
        lines: list[str] = []
        while time.monotonic() < until:
            with contextlib.suppress(TimeoutError):
                lines += self._socket.recv(4096).decode().splitlines()
        return lines

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    manager = Systemd(tmp_path)
    yield manager
    manager.close()


def test_it_watches_says_so_and_ends_cleanly_within_two_seconds(tmp_path: Path, systemd: Systemd) -> None:
    with running(tmp_path, CAMERA + page(), {"NOTIFY_SOCKET": str(systemd.path)}) as daemon:
        assert "READY=1" in systemd.heard(1)
        eventually(lambda: daemon.camera("hall")["status"] == "online")
        assert daemon.status()["ready"]
        assert daemon.stop() < 2
        assert "STOPPING=1" in systemd.heard(0.5)


def test_motion_alone_needs_no_model_and_mails_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = MailServer(tmp_path)
    server.start()
    mail = (
        f'[email]\nhost = "127.0.0.1"\nport = {server.port}\nusername = "{USERNAME}"\npassword = "${{MAIL_PW}}"\n'
        'from = "edge@example.org"\nto = "owner@example.org"\n[alarm]\narmed_at_first_start = true\n'
    )
    env = {"SSL_CERT_FILE": str(server.ca), "MAIL_PW": PASSWORD, "EDGE_CACHE": str(tmp_path / "no-models")}
    try:
        with running(tmp_path, CAMERA + page() + mail, env) as daemon:
            first = eventually(lambda: server.mails, 15)[0]
            pictures = [part for part in first.iter_attachments() if part.get_content_type() == "image/jpeg"]
            assert 1000 < len(pictures[0].get_content()) < 200_000
            assert "hall" in first["Subject"]
            assert server.encrypted == [True]
            assert PASSWORD not in daemon.log()
            assert PASSWORD.encode() not in Path(f"/proc/{daemon.pid}/cmdline").read_bytes()
            assert daemon.status()["engines"] == []
    finally:
        server.stop()


def test_disarmed_events_go_on_and_no_mail_is_sent(tmp_path: Path) -> None:
    server = MailServer(tmp_path)
    server.start()
    mail = (
        f'[email]\nhost = "127.0.0.1"\nport = {server.port}\nusername = "{USERNAME}"\npassword = "{PASSWORD}"\n'
        'from = "edge@example.org"\nto = "owner@example.org"\n'
    )
    try:
        with running(tmp_path, CAMERA + page() + mail, {"SSL_CERT_FILE": str(server.ca)}) as daemon:
            eventually(lambda: '"new"' in daemon.edge("events", "--json"), 15)
            time.sleep(1)
            assert server.mails == []
    finally:
        server.stop()


def test_the_broker_hears_states_and_events_and_can_arm(tmp_path: Path) -> None:
    broker = Broker(tmp_path)
    broker.start()
    viewer = Subscriber(broker)
    try:
        quiet = '[alarm]\nlabels = ["tamper"]\n'  # else what moves would set it off
        with running(tmp_path, f'{CAMERA}{quiet}{page()}[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n') as daemon:
            eventually(lambda: viewer.events, 15)
            states = retained(broker)
            assert states["edge/available"] == b"online"
            assert states["edge/alarm/state"] == b"disarmed"
            assert states["edge/hall/status"] == b"online"
            assert states["edge/hall/motion"] in (b"ON", b"OFF")
            assert states["edge/hall/motion/snapshot"][:2] == b"\xff\xd8"

            viewer.publish("edge/alarm/set", "ARM_NIGHT")
            eventually(lambda: daemon.status()["alarm"] == "armed_night")
            eventually(lambda: retained(broker)["edge/alarm/state"] == b"armed_night")
            viewer.publish("edge/alarm/set", "{}")
            daemon.edge("disarm")
            eventually(lambda: retained(broker)["edge/alarm/state"] == b"disarmed")

            daemon.edge("arm", "--mode", "home")
            daemon.signal(signal.SIGKILL)
            eventually(lambda: retained(broker)["edge/available"] == b"offline", 20)
            daemon.kill()
            daemon.start()
            eventually(lambda: retained(broker)["edge/available"] == b"online")
            assert daemon.status()["alarm"] == "armed_home"
            assert daemon.stop() < 2
            eventually(lambda: retained(broker)["edge/available"] == b"stopped")
        rows = viewer.events
        open_ = {row["after"]["id"] for row in rows if row["type"] == "new"}
        ended = [row["after"]["id"] for row in rows if row["type"] == "end"]
        assert open_ == set(ended)
        assert len(ended) == len(set(ended))
    finally:
        viewer.close()
        broker.stop()


def test_a_reload_takes_a_good_file_and_keeps_running_on_a_bad_one(tmp_path: Path, systemd: Systemd) -> None:
    with running(tmp_path, CAMERA + page(), {"NOTIFY_SOCKET": str(systemd.path)}) as daemon:
        good = daemon.config.read_text()
        systemd.heard(0.5)
        daemon.config.write_text(good.replace("labels", "lables"))
        daemon.signal(signal.SIGHUP)
        eventually(lambda: "did you mean `labels`?" in daemon.log())
        assert daemon.camera("hall")["status"] == "online"
        heard = systemd.heard(0.5)
        assert "RELOADING=1" in heard
        assert "READY=1" in heard

        daemon.config.write_text(good.replace('"hall"', '"garden"'))
        daemon.signal(signal.SIGHUP)
        eventually(lambda: daemon.watches("garden"))
        assert daemon.stop() < 2


def test_a_reload_that_cannot_start_goes_back(tmp_path: Path) -> None:
    with running(tmp_path, CAMERA + page()) as daemon, socket.create_server(("127.0.0.1", 0)) as taken:
        good = daemon.config.read_text()
        daemon.config.write_text(good.replace("port = ", "port = 1#"))
        daemon.config.write_text(CAMERA + f"[web]\nport = {taken.getsockname()[1]}\n" + good[good.index("[node]") :])
        daemon.signal(signal.SIGHUP)
        eventually(lambda: "back to the configuration before" in daemon.log())
        eventually(lambda: daemon.watches("hall"))


def test_a_page_that_cannot_listen_yet_keeps_no_camera_from_being_watched(tmp_path: Path, systemd: Systemd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = f"{CAMERA}[web]\nport = {port}\n"
        daemon = Daemon(tmp_path, config, {"NOTIFY_SOCKET": str(systemd.path)})
        daemon.start()
    try:
        eventually(lambda: daemon.camera("hall")["status"] == "online")

        def answers() -> bool:
            with contextlib.suppress(httpx.HTTPError):
                return httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
            return False

        eventually(answers, 25)
        assert daemon.stop() < 2
    finally:
        daemon.kill()


def test_a_camera_that_is_away_restarts_nothing(tmp_path: Path, systemd: Systemd) -> None:
    config = f'[[camera]]\nname = "far"\nsource = "rtsp://127.0.0.1:{free_port()}/x"\nlabels = ["motion"]\n'
    env = {"NOTIFY_SOCKET": str(systemd.path), "WATCHDOG_USEC": "2000000"}
    with running(tmp_path, config + page(), env) as daemon:
        fed = systemd.heard(8).count("WATCHDOG=1")
        assert fed >= 4  # three periods and a margin: systemd would have restarted a daemon that was fed less
        camera = daemon.camera("far")
        assert camera["status"] == "offline"
        assert "refused" in camera["reason"]


@pytest.mark.slow
def test_a_wedged_engine_is_no_longer_vouched_for(tmp_path: Path, systemd: Systemd) -> None:
    onnx = pytest.importorskip("onnx")
    endless = tmp_path / "endless.onnx"
    endless.write_bytes(_endless(onnx))
    endless.with_suffix(".toml").write_text(
        """
name = "endless"
task = "detect"
decoder = "yolox"
strides = [8, 16, 32]
labels = ["person"]
[input]
name = "image"
width = 32
height = 32
layout = "NCHW"
dtype = "float32"
[outputs]
predictions = "out"
"""
    )
    config = f'[[camera]]\nname = "hall"\nsource = "synthetic:"\n[model]\nname = "{endless}"\nengine = "onnxruntime"\n'
    env = {"NOTIFY_SOCKET": str(systemd.path), "WATCHDOG_USEC": "2000000"}
    with running(tmp_path, config + page(), env) as daemon:
        assert "WATCHDOG=1" in systemd.heard(3)
        eventually(lambda: "the watchdog is not fed" in daemon.log(), 40)
        systemd.heard(1)
        assert "WATCHDOG=1" not in systemd.heard(4)


def _endless(onnx) -> bytes:  # type: ignore[no-untyped-def]
    """A real model whose one inference takes years: a loop of 10^15 turns around an addition."""
    helper, tensor = onnx.helper, onnx.TensorProto
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("Add", ["x", "x"], ["y"])],
        "body",
        [
            helper.make_tensor_value_info("turn", tensor.INT64, []),
            helper.make_tensor_value_info("go", tensor.BOOL, []),
            helper.make_tensor_value_info("x", tensor.FLOAT, [1, 21, 6]),
        ],
        [
            helper.make_tensor_value_info("go_on", tensor.BOOL, []),
            helper.make_tensor_value_info("y", tensor.FLOAT, [1, 21, 6]),
        ],
    )
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["image"], ["mean"], keepdims=0),
            helper.make_node("Mul", ["start", "mean"], ["x0"]),
            helper.make_node("Loop", ["turns", "yes", "x0"], ["out"], body=body),
        ],
        "endless",
        [helper.make_tensor_value_info("image", tensor.FLOAT, [1, 3, 32, 32])],
        [helper.make_tensor_value_info("out", tensor.FLOAT, [1, 21, 6])],
        [
            onnx.numpy_helper.from_array(np.array(10**15, np.int64), "turns"),
            onnx.numpy_helper.from_array(np.array(True), "yes"),
            onnx.numpy_helper.from_array(np.zeros((1, 21, 6), np.float32), "start"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())


def test_a_second_daemon_of_the_same_configuration_is_refused(tmp_path: Path) -> None:
    with running(tmp_path, CAMERA + page()) as daemon:
        code, lines = refused(tmp_path, daemon.config.read_text())
        assert code == 2
        assert len(lines) == 1
        assert "already running" in lines[0]


def test_a_taken_port_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, lines = refused(tmp_path, f'{CAMERA}[web]\nport = {port}\n[node]\ndata = "{tmp_path}/data"\n')
    assert code == 2
    assert len(lines) == 1
    assert f"{port}" in lines[0]


def test_a_data_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    code, lines = refused(tmp_path, f'{CAMERA}{page()}[node]\ndata = "/proc/edge"\n')
    assert code == 1
    assert len(lines) == 1
    assert "/proc/edge" in lines[0]


def test_a_model_that_is_none_is_shown_at_its_line(tmp_path: Path) -> None:
    text = tmp_path / "text.onnx"
    text.write_text("this is no model\n")
    config = f'[[camera]]\nname = "hall"\nsource = "synthetic:"\n[model]\nname = "{text}"\n{page()}'
    code, lines = refused(tmp_path, f'{config}[node]\ndata = "{tmp_path}/data"\n')
    assert code == 2
    assert any("edge.toml:5:8" in line for line in lines)
    assert any("text.onnx" in line for line in lines)


def test_refused_passwords_are_a_state_and_all_else_goes_on(tmp_path: Path) -> None:
    broker = Broker(tmp_path, anonymous=False)
    broker.start()
    server = MailServer(tmp_path)
    server.start()
    config = (
        f"{CAMERA}{page()}[alarm]\narmed_at_first_start = true\n"
        f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\nusername = "x"\npassword = "wr0ng"\n'
        f'[email]\nhost = "127.0.0.1"\nport = {server.port}\nusername = "{USERNAME}"\npassword = "wr0ng"\n'
        'from = "edge@example.org"\nto = "owner@example.org"\n'
    )
    try:
        with running(tmp_path, config, {"SSL_CERT_FILE": str(server.ca)}) as daemon:

            def reasons() -> dict[str, str]:
                return {sink["name"]: sink["reason"] or "" for sink in daemon.status()["sinks"]}

            eventually(lambda: all("password" in reason for reason in reasons().values()), 20)
            assert daemon.camera("hall")["status"] == "online"
            assert daemon.status()["outbox"]["depth"] > 0
            assert "wr0ng" not in daemon.log() + str(daemon.status())
            assert "Traceback" not in daemon.log()
    finally:
        server.stop()
        broker.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_disk_is_a_state_and_nothing_stored_is_lost(tmp_path: Path) -> None:
    small = tmp_path / "data"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", small], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no tmpfs here: {mounted.stderr.strip()}")
    try:
        with running(tmp_path, CAMERA + page()) as daemon:
            eventually(lambda: len(daemon.edge("events", "--json")) > 10, 15)
            before = daemon.edge("events", "--json")
            with (small / "ballast").open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
                while True:
                    ballast.write(b"x" * 4096)
            eventually(lambda: daemon.status()["outbox"]["fault"], 30)
            assert daemon.camera("hall")["status"] == "online"
            daemon.signal(signal.SIGHUP)
            eventually(lambda: "not reloaded, the daemon goes on as it was" in daemon.log())
            assert daemon.camera("hall")["status"] == "online"
            (small / "ballast").unlink()
            eventually(lambda: not daemon.status()["outbox"]["fault"], 20)
            assert len(daemon.edge("events", "--json")) >= len(before)
            assert daemon.stop() < 2
    finally:
        subprocess.run(["umount", "-l", small], check=False)


@needs_data
def test_a_person_is_found_by_a_model_and_an_ended_clip_is_said_so(tmp_path: Path) -> None:
    clip = DATA / "footage" / "onebyone_A.mp4"
    config = f'[[camera]]\nname = "hall"\nsource = "file:{clip}"\n[model]\nname = "{SSD}"\nengine = "tflite"\n{page()}'
    with running(tmp_path, config) as daemon:
        eventually(lambda: '"person"' in daemon.edge("events", "--json"), 20)
        camera = daemon.camera("hall")
        assert camera["size"] == [768, 432]
        assert camera["inferences"] > 0
        assert daemon.status()["engines"][0]["name"] == "tflite"


def test_a_burst_of_reloads_is_survived(tmp_path: Path) -> None:
    with running(tmp_path, CAMERA + page()) as daemon:
        for _ in range(200):
            daemon.signal(signal.SIGHUP)
        eventually(lambda: daemon.watches("hall"), 20)
        assert daemon.stop() < 2
        assert "Traceback" not in daemon.log()


def test_a_reader_that_goes_away_ends_the_demo_quietly() -> None:
    demo = subprocess.Popen(
        [EDGE, "demo", "--source", "synthetic:", "--seconds", "30"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert demo.stdout is not None
    assert demo.stderr is not None
    begun = time.monotonic()
    while demo.stdout.readline() != "ready\n":
        assert time.monotonic() - begun < 20
    demo.stdout.close()
    assert "Traceback" not in demo.stderr.read()
    demo.stderr.close()
    demo.wait(5)
    assert time.monotonic() - begun < 28


def test_counts_of_an_earlier_run_are_corrected_though_the_camera_is_away(tmp_path: Path) -> None:
    broker = Broker(tmp_path)
    broker.start()
    viewer = Subscriber(broker)
    config = (
        f'[[camera]]\nname = "far"\nsource = "rtsp://127.0.0.1:{free_port()}/x"\nlabels = ["motion"]\n{page()}'
        f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n'
    )
    try:
        viewer.publish("edge/far/motion", "ON", retain=True)
        with running(tmp_path, config):
            eventually(lambda: retained(broker).get("edge/far/motion") == b"OFF")
            assert retained(broker)["edge/far/status"] == b"offline"
    finally:
        viewer.close()
        broker.stop()


def test_what_it_keeps_is_not_for_every_user_of_the_machine(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with running(tmp_path, f"{CAMERA}{page()}") as daemon:
            eventually(lambda: (daemon.data / "clips").is_dir() and any((daemon.data / "snapshots").glob("*.jpg")), 20)
            data = daemon.data
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (data, *data.iterdir())}
            pictures = {stat.S_IMODE(path.stat().st_mode) for path in (data / "snapshots").glob("*.jpg")}
    finally:
        os.umask(before)
    assert {name: modes[name] for name in ("data", "snapshots", "clips", "edge.db")} == {
        "data": 0o750, "snapshots": 0o750, "clips": 0o750, "edge.db": 0o640
    }  # fmt: skip
    assert not any(mode & 0o007 for mode in (*modes.values(), *pictures))
