"""An engine that is lost while cameras run: the next one goes on, the owner hears of it, the lost one comes back."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.broker import eventually, free_port
from tests.support.daemon import Daemon
from tests.support.nets import GRID_MANIFEST, grid_detector
from tests.support.old_openvino import python_with_openvino
from tests.support.servers import Triton
from tests.support.shared_data import DATA, needs_data

pytestmark = [needs_data, pytest.mark.xdist_group("failover")]

Start = Callable[..., Daemon]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "grid.toml").write_text(GRID_MANIFEST)
    return grid_detector(tmp_path / "grid.onnx")


@pytest.fixture
def start(tmp_path: Path, model: Path) -> Iterator[Start]:
    made: list[Daemon] = []

    def run(engines: str, table: str) -> Daemon:
        config = f"""
            [[camera]]
            name = "street"
            source = "file:{DATA / "footage" / "vtest_A.mp4"}"
            loop = true
            [model]
            name = "{model}"
            {engines}
            {table}
            [alarm]
            armed_at_first_start = true
            [web]
            port = {free_port()}
        """
        made.append(Daemon(tmp_path, config))
        return made[-1].start()

    yield run
    for daemon in made:
        daemon.kill()


def serving(daemon: Daemon) -> tuple[str, str, str | None]:
    (engine,) = daemon.status()["engines"]
    return engine["name"], engine["state"], engine["reason"]


def looks_on(daemon: Daemon) -> None:
    """Pictures go through the model."""
    before = daemon.camera("street")["inferences"]
    eventually(lambda: daemon.camera("street")["inferences"] > before + 5, 20)


def told(daemon: Daemon) -> list[tuple[str, str, str]]:
    """The events about the engine: type, the alarm's state, and what is said."""
    rows: list[dict[str, Any]] = json.loads(daemon.edge("events", "--json", "--limit", "500"))
    return [
        (row["type"], row["after"]["camera"], row["after"]["sub_label"])
        for row in rows
        if row["after"]["label"] == "engine"
    ]


def test_a_server_that_stops_and_returns(start: Start, model: Path, tmp_path: Path) -> None:
    with Triton(tmp_path / "triton") as server:
        served = server.serve(model)
        table = f'[engine]\ntimeout_s = 2\n[engine.kserve]\nurl = "{server.url}"\nmodel = "{served}"'
        daemon = start('engine = ["kserve", "onnxruntime"]', table)
        looks_on(daemon)
        assert serving(daemon) == ("kserve", "up", None)
        assert told(daemon) == []

        server.kill()
        eventually(lambda: serving(daemon)[:2] == ("onnxruntime", "standing_in"), 20)
        assert "onnxruntime stands in: kserve" in str(serving(daemon)[2])
        looks_on(daemon)

        server.start()
        server.serve(model)
        eventually(lambda: serving(daemon) == ("kserve", "up", None), 40)
        looks_on(daemon)
        (lost, back) = told(daemon)
        assert lost[:2] == ("new", "bench")
        assert back[:2] == ("update", "bench")
        assert lost[2].startswith("onnxruntime stands in: ")
        assert back[2] == "kserve is back"


def child_of(daemon: Daemon) -> int:
    """The process that runs the stick's OpenVINO."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            command = (stat.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if parent == daemon.pid and b"openvino_2021" in command:
            return int(stat.parent.name)
    raise AssertionError("no child runs")


def test_a_child_process_that_is_killed_and_started_again(start: Start) -> None:
    python = python_with_openvino()
    engines = 'device = "CPU"\nengine = ["movidius", "onnxruntime"]'
    daemon = start(engines, f'[engine.movidius]\npython = "{python}"')
    looks_on(daemon)
    assert serving(daemon) == ("movidius", "up", None)
    first = child_of(daemon)

    os.kill(first, signal.SIGKILL)
    eventually(lambda: len(told(daemon)) == 2, 40)
    assert [kind for kind, _, _ in told(daemon)] == ["new", "update"]
    assert "SIGKILL" in told(daemon)[0][2]
    assert serving(daemon) == ("movidius", "up", None)
    assert child_of(daemon) != first
    looks_on(daemon)
