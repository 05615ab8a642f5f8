"""`edge doctor` on this machine, with real servers that answer and ports where nobody does."""

from __future__ import annotations

import json
import socket
import stat
import tarfile
from pathlib import Path
from typing import Any

import pytest

from edge import hardware
from edge.control import place
from edge.doctor import parts
from edge.engines import registry
from edge.engines.links import Link
from edge.errors import MissingError
from edge.models import catalogue, store
from edge.web import settings
from tests.support.broker import free_port
from tests.support.command import Edge
from tests.support.nets import GRID_MANIFEST, grid_detector
from tests.support.rtsp import RtspCamera

_ENTRY = catalogue.by_name(catalogue.DEFAULTS[0])
FIRST = _ENTRY and store.cached(_ENTRY)  # looked for here: the tests have a cache of their own

SECRETS = ("s3cr3t-mqtt", "s3cr3t-mail", "s3cr3t-cam", "s3cr3t-url", "s3cr3t-old")


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Edge:
    monkeypatch.setenv("EDGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.setattr(place, "RUNTIME_FOLDER", tmp_path / "run")
    return Edge(monkeypatch, capsys)


def write(folder: Path, text: str = "", labels: str = "motion") -> Path:
    path = folder / "edge.toml"
    path.write_text(
        f'[node]\ndata = "data"\n[[camera]]\nname = "porch"\nsource = "synthetic:"\nlabels = ["{labels}"]\n'
        f"[web]\nport = {free_port()}\n{text}"
    )
    return path


def checks(edge: Edge, config: Path) -> dict[str, dict[str, Any]]:
    done = edge("doctor", "--json", "--config", config)
    found = json.loads(done.out)
    assert found["ok"] == (done.code == 0)
    return {check["name"]: check for check in found["checks"]}


def test_a_machine_that_has_all_it_needs(edge: Edge, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as broker:
        config = write(tmp_path, f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.getsockname()[1]}\n')
        found = checks(edge, config)
    for name in (
        "python",
        "board",
        "system",
        "memory",
        "clock",
        "engines",
        "cameras",
        "config",
        "data",
        "disk",
        "storage",
    ):
        assert found[name]["grade"] in ("ok", "warn"), found[name]
    assert found["web"]["grade"] == found["broker"]["grade"] == "ok"
    assert found["daemon"]["found"] == "not running"
    assert not (tmp_path / "data").exists()


def test_what_does_not_answer_fails_and_says_what_to_do(edge: Edge, tmp_path: Path) -> None:
    mail = f'[email]\nhost = "127.0.0.1"\nport = {free_port()}\nfrom = "a@b"\nto = "c@d"\n'
    config = write(tmp_path, f'[mqtt]\nhost = "127.0.0.1"\nport = {free_port()}\n' + mail)
    found = checks(edge, config)
    for name in ("broker", "mail"):
        assert found[name]["grade"] == "fail"
        assert "connection refused" in found[name]["found"]
        assert found[name]["advice"]
    done = edge("doctor", "--config", config)
    assert done.code == 1
    assert "FAIL  broker" in done.out
    assert "-> is mosquitto running" in done.out


@pytest.mark.parametrize("set_", [True, False])
def test_a_schedule_without_a_clock_fails(
    edge: Edge, tmp_path: Path, set_: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "synchronised", lambda: set_)
    assert "schedule" not in checks(edge, write(tmp_path))
    found = checks(edge, write(tmp_path, '[[alarm.schedule]]\nat = "22:00"\ndo = "arm_night"\n'))
    assert found.get("schedule", {}).get("grade") == (None if set_ else "fail")


def test_a_port_in_use_a_model_to_fetch_and_a_device_that_is_absent(edge: Edge, tmp_path: Path) -> None:
    config = write(tmp_path, labels="person")
    text = config.read_text().replace("synthetic:", "v4l2:/dev/video77")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config.write_text(text.replace("[web]\nport = ", f"[web]\nport = {taken.getsockname()[1]} # "))
        found = checks(edge, config)
    assert found["web"]["grade"] == "fail"
    assert "in use" in found["web"]["found"]
    assert "edge models pull" in found["model"]["found"]
    assert "/dev/video77" in found["camera porch"]["found"]


def test_a_page_without_its_packages_or_certificate_is_told(
    edge: Edge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = write(tmp_path)
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("none")
    text = config.read_text()
    config.write_text(f'{text}cert = "cert.pem"\nkey = "key.pem"\n')
    found = checks(edge, config)["web"]
    assert found["grade"] == "fail"
    assert "must be PEM files" in found["found"]
    monkeypatch.setattr(settings, "PACKAGES", ("json", "absent_package"))
    found = checks(edge, config)["web"]
    assert (found["grade"], found["found"]) == ("fail", "the page needs absent_package")
    assert "edge-runtime[web]" in found["advice"]
    config.write_text(f"{text}enabled = false\n")
    assert "web" not in checks(edge, config)


@pytest.mark.parametrize(
    ("engine", "memory", "grade", "said"),
    [("onnxruntime", 400, "ok", "on onnxruntime"), ("openvino", 4000, "ok", "on openvino"),
     ("openvino", 400, "warn", "ssd-mobilenet-v1"), ("absent", 400, "fail", "is not installed")],
)  # fmt: skip
def test_the_models_engine_must_be_here_and_suit_the_board(
    edge: Edge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str, memory: int, grade: str, said: str
) -> None:
    grid_detector(tmp_path / "grid.onnx")
    (tmp_path / "grid.toml").write_text(GRID_MANIFEST)
    absent = registry.Row("edge.engines.absent", (("absent_package", "absent"),), (".onnx",), "pip install absent")
    monkeypatch.setitem(registry.TABLE, "absent", absent)
    monkeypatch.setattr(hardware, "memory_mb", lambda *_: (memory, memory))
    config = write(tmp_path, f'[model]\nname = "grid.onnx"\nengine = "{engine}"\n', labels="person")
    found = checks(edge, config)["model"]
    assert found["grade"] == grade
    assert said in f"{found['found']} {found['advice']}"


def test_network_cameras_are_opened_as_the_daemon_opens_them(edge: Edge, tmp_path: Path) -> None:
    camera = RtspCamera("viewer", "s3cret")
    camera.start()
    try:
        config = write(tmp_path)
        table = '[[camera]]\nname = "{}"\nsource = "{}"\nlabels = ["motion"]\n'
        config.write_text(
            config.read_text()
            + table.format("garden", camera.url)
            + table.format("shed", f"rtsp://127.0.0.1:{free_port()}/x")
            + table.format("gate", camera.url.replace("s3cret", "wr0ng"))
        )
        found = checks(edge, config)
        assert "s3cret" not in edge("doctor", "--config", config).out
    finally:
        camera.kill()
    assert found["camera garden"]["grade"] == "ok"
    assert "connection refused" in found["camera shed"]["found"]
    assert "401" in found["camera gate"]["found"]
    for name in ("camera shed", "camera gate"):
        assert found[name]["grade"] == "fail"
        assert "rtsp-camera.md" in found[name]["advice"]


def test_a_network_camera_that_does_not_answer_holds_the_doctor_up_for_seconds(edge: Edge, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        config = write(tmp_path)
        source = f"rtsp://127.0.0.1:{mute.getsockname()[1]}/x"
        config.write_text(config.read_text().replace("synthetic:", source))
        found = checks(edge, config)
    assert found["camera porch"]["grade"] == "fail"
    assert "gave no RTSP answer" in found["camera porch"]["found"]


def test_a_wrong_configuration_is_a_failure_with_its_place(edge: Edge, tmp_path: Path) -> None:
    config = write(tmp_path, "[mqtt]\nhots = 1\nport = 0\n")
    found = checks(edge, config)
    assert found["config"]["grade"] == "fail"
    assert f"{config}:10: mqtt.hots: unknown key `hots`, and 1 more" in found["config"]["found"]


def test_a_data_folder_that_cannot_be_written(edge: Edge, tmp_path: Path) -> None:
    config = write(tmp_path)
    config.write_text(config.read_text().replace('data = "data"', 'data = "/proc/none"'))
    assert checks(edge, config)["data"]["grade"] == "fail"


def test_without_a_configuration_the_machine_is_looked_at(
    edge: Edge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("edge.config.load.SYSTEM_FILE", tmp_path / "none.toml")
    done = edge("doctor", "--json")
    assert done.code == 0
    assert {check["name"]: check["grade"] for check in json.loads(done.out)["checks"]}["config"] == "warn"


@pytest.mark.parametrize("broken", [False, True])
def test_a_bundle_for_a_bug_report_has_no_secret(
    edge: Edge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: bool
) -> None:
    monkeypatch.setenv("FROM_ENVIRONMENT", "s3cr3t-mail")
    text = (
        '# password = "s3cr3t-old"\n[mqtt]\nhost = "127.0.0.1"\nport = 1\nusername = "u"\npassword = "s3cr3t-mqtt"\n'
        '[email]\nhost = "127.0.0.1"\nport = 1\nfrom = "a@b"\nto = "c@d"\nusername = "u"\n'
        'password = "${FROM_ENVIRONMENT}"\n'
        '[[camera]]\nname = "two"\nsource = "rtsp://me:s3cr3t-url@127.0.0.1:1/x"\nlabels = ["motion"]\n'
        '[[camera]]\nname = "three"\nsource = "rtsp://127.0.0.1:1/x"\nusername = "u"\npassword = \'s3cr3t-cam\'\n'
        'labels = ["motion"]\n'
    )
    config = write(tmp_path, text + ("[web\n" if broken else ""))
    target = tmp_path / "report.tar.gz"
    edge("doctor", "--config", config, "--bundle", target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with tarfile.open(target) as archive:
        files = {Path(entry.name).name: archive.extractfile(entry) for entry in archive}
        texts = {name: file.read().decode() for name, file in files.items() if file is not None}
    assert texts.keys() == {"doctor.json", "edge.toml", "versions.txt"}
    assert not [secret for secret in SECRETS for text in texts.values() if secret in text]
    assert "***@127.0.0.1" in texts["edge.toml"]
    assert "${FROM_ENVIRONMENT}" in texts["edge.toml"]
    assert "edge" in texts["versions.txt"]
    assert json.loads(texts["doctor.json"])["checks"]


def test_a_bundle_that_cannot_be_written_is_one_line(edge: Edge, tmp_path: Path) -> None:
    done = edge("doctor", "--config", write(tmp_path), "--bundle", tmp_path / "none" / "x.tar.gz")
    assert done.code == 1
    assert "cannot write" in done.err


def test_an_engine_of_a_list_that_is_away_is_a_warning_and_one_alone_a_failure(edge: Edge, tmp_path: Path) -> None:
    (tmp_path / "grid.toml").write_text(GRID_MANIFEST)
    grid_detector(tmp_path / "grid.onnx")
    server = f'[engine.kserve]\nurl = "http://127.0.0.1:{free_port()}"\n'
    for engines, grade in (('["kserve", "onnxruntime"]', "warn"), ('"kserve"', "fail")):
        model = f'[model]\nname = "grid.onnx"\nengine = {engines}\n'
        found = checks(edge, write(tmp_path, model + server, labels="person"))["model"]
        assert found["grade"] == grade
        assert "nothing listens there" in found["found"]
    model = '[model]\nname = "grid.onnx"\nengine = "openvino"\ndevice = "NPU"\n'
    found = checks(edge, write(tmp_path, model, labels="person"))["model"]
    assert found["grade"] == "fail"
    assert "no device NPU here" in found["found"]


def test_a_pose_model_that_is_not_here_is_told_with_what_to_do(edge: Edge, tmp_path: Path) -> None:
    config = write(tmp_path, "[pose]\nenabled = true\n", labels="person")
    told = checks(edge, config)["postures"]
    assert told["grade"] == "fail"
    assert "edge models pull pose-landmark-full" in json.dumps(told)
    assert "postures" not in checks(edge, write(tmp_path, "[pose]\nenabled = true\n"))


def test_a_network_of_falls_that_nothing_runs_is_a_warning_unless_rules_judge_alone(
    edge: Edge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*_: object) -> list[Link]:
        raise MissingError("no engine that reads .onnx is here")

    monkeypatch.setattr("edge.doctor.pose.needed", lambda name: [])
    assert checks(edge, write(tmp_path, "[pose]\nenabled = true\n", labels="person"))["postures"]["grade"] == "ok"
    monkeypatch.setattr("edge.judging.links_of", nothing)
    for judge, grade in (("both", "warn"), ("rules", "ok")):
        told = checks(edge, write(tmp_path, f'[pose]\nenabled = true\njudge = "{judge}"\n', labels="person"))[
            "postures"
        ]
        assert told["grade"] == grade
        assert ("rules alone: no engine that reads .onnx is here" in told["found"]) is (grade == "warn")


def test_a_further_model_of_the_default_that_was_not_fetched_is_a_warning(
    edge: Edge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = FIRST
    if file is None:
        pytest.skip("needs `edge models pull`")
    (tmp_path / "cache" / "models").mkdir(parents=True)
    (tmp_path / "cache" / "models" / file.name).symlink_to(file)
    monkeypatch.setenv("EDGE_CACHE", str(tmp_path / "cache"))
    found = checks(edge, write(tmp_path, labels="person"))["model"]
    assert found["grade"] == "warn"
    assert f"edge models pull {catalogue.DEFAULTS[1]}" in found["found"]
