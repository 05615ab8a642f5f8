"""`edge steer`: what it prints, and how it says what is wrong."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.support.broker import eventually
from tests.support.command import Edge
from tests.support.driving import ROOT, driving
from tests.support.nets import saying

MANIFEST = """
name = "right"
task = "values"
decoder = "values"

[input]
name = "images"
width = 32
height = 32
layout = "NCHW"
dtype = "float32"

[outputs]
values = "values"
"""


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Edge:
    return Edge(monkeypatch, capsys)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "steer.toml"
    path.write_text(f'[node]\ndata = "{tmp_path}/data"\n[steer]\nsource = "synthetic:"\n')
    return path


def test_a_model_drives_and_the_figures_are_told(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    model = saying(tmp_path / "right.onnx", (1, 3, 32, 32), {"values": np.array([[0.25]], np.float32)})
    model.with_suffix(".toml").write_text(MANIFEST)
    settings = f'[steer]\nsource = "synthetic:"\nmodel = "{model}"\nengine = "onnxruntime"\nstale_ms = 150\n'
    with driving(tmp_path, settings, "--engage", "--seconds", "6") as drive:
        told, _ = drive.process.communicate(timeout=30)
        summary = json.loads(told)
        lines = drive.lines()
    assert drive.process.returncode == 0
    assert summary["frames"] > 10
    assert summary["trace_dropped"] == 0
    assert 0 < summary["latency_ms"]["p50"] <= summary["latency_ms"]["p99"]
    assert set(lines[0]) == {"t", "frame_t", "state", "steering", "throttle", "reason"}
    driven = [line["steering"] for line in lines if line["state"] == "engaged"]
    assert driven
    assert max(driven) == pytest.approx(0.25, abs=1e-3)
    assert len(lines) >= summary["cycles"]
    assert (lines[-1]["steering"], lines[-1]["throttle"]) == (0.0, 0.0)


def test_a_model_that_is_not_there_is_a_mistake_said_once(tmp_path: Path) -> None:
    with driving(tmp_path, '[steer]\nsource = "synthetic:"\nmodel = "nothing.onnx"\n', "--seconds", "60") as drive:
        drive.process.communicate(timeout=30)
    assert drive.process.returncode == 2
    assert "nothing.onnx" in drive.log()


def test_orders_to_nobody(edge: Edge, config: Path) -> None:
    done = edge("steer", "arm", "--config", config)
    assert (done.code, done.err) == (
        1,
        "edge: no steering runs for this configuration; start it with `edge steer drive`\n",
    )


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("timeout_ms = 100", "must be above `stale_ms`"),
        ('deadman = "foot"', "no such dead-man input"),
        ("hz = 10", "20"),
        ("[steer.pca9685]\nsteering_us = [1000, 2500, 2000]", "the middle pulse must lie between the others"),
        ("[steer.servo]\nthrottle_pin = 12", "cannot share a pin"),
        ("[steer.pca9685]\nhz = 400\nthrottle_us = [1000, 1500, 2500]", "no room for one of 2500 microseconds"),
    ],
)
def test_a_mistake_in_the_configuration_is_pointed_at(edge: Edge, config: Path, line: str, told: str) -> None:
    config.write_text(config.read_text() + line + "\n")
    done = edge("steer", "drive", "--config", config)
    assert done.code == 2
    assert told in done.err


def test_mqtt_without_a_broker_is_a_mistake(edge: Edge, config: Path) -> None:
    done = edge("steer", "drive", "--config", config, "--set", "steer.actuator=mqtt", "--seconds", 1)
    assert done.code == 2
    assert "mqtt.host is not set" in done.err


def test_what_cannot_be_calibrated(edge: Edge, config: Path) -> None:
    done = edge("steer", "calibrate", "steering", "--config", config)
    assert (done.code, done.err) == (
        2,
        "edge: steer.actuator is `null`; pulses are calibrated for `pca9685` and `servo`\n",
    )


def test_neutral_of_no_car(edge: Edge, config: Path) -> None:
    assert edge("steer", "neutral", "--config", config).code == 0


def test_a_pilot_that_is_not_there(edge: Edge) -> None:
    done = edge("steer", "serve", "--udacity", "--pilot", "nowhere:steer")
    assert done.code == 2
    assert "wants MODULE:NAME" in done.err
    assert edge("steer", "serve").code == 2


def test_two_drives_of_one_car_are_one_too_many(edge: Edge, tmp_path: Path) -> None:
    with driving(tmp_path, '[steer]\nsource = "synthetic:"\n', "--pilot", "tests.support.pilots:steer") as drive:
        drive.reaches("ARM", "armed")
        done = edge("steer", "drive", "--config", tmp_path / "steer.toml", "--seconds", 1)
        assert done.code == 2
        assert "already running" in done.err


def test_a_configuration_without_a_car_is_a_mistake(edge: Edge, config: Path) -> None:
    config.write_text("[stear]\nhz = 30\n")
    for command in (("drive", "--seconds", 1), ("neutral",), ("calibrate", "steering")):
        done = edge("steer", *command, "--config", config)
        assert (done.code, done.err) == (
            2,
            f"edge: {config}: no table `[steer]`; it says which camera and which actuator\n",
        )


def test_why_the_car_cannot_be_driven_is_told(edge: Edge, tmp_path: Path) -> None:
    own = ("--pilot", "tests.support.pilots:steer")
    with driving(tmp_path, '[steer]\nsource = "file:nothing.mp4"\n', *own) as drive:
        config = tmp_path / "steer.toml"
        eventually(lambda: "no such clip" in edge("steer", "status", "--config", config).out, 30)
        refused = edge("steer", "arm", "--config", config)
        assert refused.code == 1
        assert refused.out == ""
        assert re.fullmatch(r"edge: arm refused: .*nothing\.mp4: no such clip; .*\n", refused.err)
        assert drive.process.poll() is None


def test_an_order_that_is_refused_says_what_comes_first(edge: Edge, tmp_path: Path) -> None:
    with driving(tmp_path, '[steer]\nsource = "synthetic:"\n', "--pilot", "tests.support.pilots:steer") as drive:
        drive.reaches("ARM", "armed")
        config = tmp_path / "steer.toml"
        assert edge("steer", "estop", "--config", config).out == "fault: emergency stop\n"
        assert edge("steer", "engage", "--config", config).err == (
            "edge: engage refused: it is at fault (emergency stop), `edge steer arm` comes first\n"
        )
        edge("steer", "disarm", "--config", config)
        assert edge("steer", "engage", "--config", config).err == (
            "edge: engage refused: it is disarmed, ARM comes first\n"
        )


@pytest.mark.parametrize(
    ("pilot", "told"),
    [
        ("mine", "wants MODULE:NAME"),
        ("mine:nothing", "has no attribute 'nothing'"),
        ("mine:number", "is of the type int"),
        ("broken:steer", "invalid syntax"),
    ],
)
def test_a_pilot_of_the_working_folder_that_is_none(
    edge: Edge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pilot: str, told: str
) -> None:
    (tmp_path / "mine.py").write_text("number = 3\n")
    (tmp_path / "broken.py").write_text("def (\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [one for one in sys.path if one])
    done = edge("steer", "serve", "--udacity", "--pilot", pilot)
    assert done.code == 2
    assert told in done.err
    assert done.err.count("\n") == 1


def test_a_model_that_detects_does_not_steer(edge: Edge, tmp_path: Path) -> None:
    model = saying(tmp_path / "right.onnx", (1, 3, 32, 32), {"values": np.array([[0.25]], np.float32)})
    model.with_suffix(".toml").write_text(
        MANIFEST.replace('"values"\ndecoder = "values"', '"classify"\ndecoder = "classify"')
    )
    done = edge("steer", "evaluate", model)
    assert done.code == 2
    assert "is for the task `classify`, and one for `values` is needed here" in done.err


def test_who_holds_the_dead_man_input_is_told_so(edge: Edge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = ("--pilot", "tests.support.pilots:steer")
    with driving(tmp_path, '[steer]\nsource = "synthetic:"\ndeadman = "hold"\n', *own) as drive:
        drive.reaches("ARM", "armed")
        engaged = []

        def interrupted(_: float) -> None:
            engaged.append(drive.order("ENGAGE")["state"])
            raise KeyboardInterrupt

        monkeypatch.setattr(import_module("edge.commands.steer.orders"), "time", SimpleNamespace(sleep=interrupted))
        held = edge("steer", "hold", "--config", tmp_path / "steer.toml")
    assert held.err.startswith("held; Ctrl-C lets go\n")
    assert (held.code, engaged) == (130, ["engaged"])


def test_a_service_never_starts_engaged(
    edge: Edge, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    done = edge("steer", "drive", "--config", config, "--engage", "--seconds", 1)
    assert done.code == 2
    assert "must stand" in done.err


def test_what_was_imported_is_not_looked_through_while_the_car_drives(tmp_path: Path) -> None:
    """A full collection took some 55 ms on a quick machine, in the parent as in the loop."""
    script = (
        "import atexit, gc, sys\n"
        "from edge.cli import main\n"
        "atexit.register(lambda: print(gc.get_freeze_count(), file=sys.stderr))\n"
        f"sys.argv = ['edge', 'steer', 'drive', '--config', {str(tmp_path / 'steer.toml')!r}, '--seconds', '1']\n"
        "main()\n"
    )
    (tmp_path / "steer.toml").write_text(f'[node]\ndata = "{tmp_path}/data"\n[steer]\nsource = "synthetic:"\n')
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT)
    assert int(done.stderr.splitlines()[-1]) > 10_000
