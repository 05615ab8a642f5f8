"""A file, options and secrets become one frozen configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.config.diagnose import ConfigFindings
from edge.config.fields import is_loopback
from edge.config.load import default_config, load
from edge.config.schema import Config
from edge.errors import UserError

CAMERA = '[[camera]]\nname = "porch"\nsource = "synthetic:"\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "edge.toml"
    path.write_text(text, "utf-8")
    return path


def test_a_camera_is_all_that_is_needed(tmp_path: Path) -> None:
    config = load(write(tmp_path, CAMERA))
    assert config.camera[0].labels == ("person",)
    assert config.model.engine == ("auto",)
    assert config.mqtt.host is None
    assert config.email.host is None
    assert config.web.host == "127.0.0.1"
    assert not config.alarm.armed_at_first_start


def test_the_whole_of_a_full_file_is_kept(tmp_path: Path) -> None:
    config = load(
        write(
            tmp_path,
            CAMERA
            + """
labels = ["person", "dog"]
[[camera.zone]]
name = "path"
points = [[0, 0], [1, 0.5], [0.5, 1]]
[node]
name = "shed"
data = "/tmp/x"
[model]
engine = ["openvino", "onnxruntime"]
[mqtt]
host = "broker"
version = 5
tls = {ca = "ca.pem"}
[email]
host = "mail"
from = "Edge <edge@example.org>"
to = "me@example.org"
[web]
host = "::1"
""",
        )
    )
    assert list(config.camera[0].zone[0].points) == [(0, 0), (1, 0.5), (0.5, 1)]
    assert config.model.engine == ("openvino", "onnxruntime")
    assert config.mqtt.tls is not None
    assert config.mqtt.tls.ca == tmp_path / "ca.pem"
    assert config.mqtt.version == "5"
    assert config.email.sender == "Edge <edge@example.org>"
    assert config.email.to == ("me@example.org",)


def test_paths_of_the_file_start_at_its_folder_and_those_of_options_where_the_user_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    path = write(tmp_path, '[[camera]]\nname = "a"\nsource = "file:clips/a.mp4"\n[model]\nname = "m.onnx"\n')
    config = load(path, ["camera.1.source=file:b.mp4", "camera.1.name=b", "node.data=~/d"])
    assert config.camera[0].source == f"file:{tmp_path}/clips/a.mp4"
    assert config.model.name == f"{tmp_path}/m.onnx"
    assert config.camera[1].source == f"file:{tmp_path}/here/b.mp4"
    assert config.node.data == Path.home() / "d"


def test_the_name_of_a_catalogue_model_is_no_path(tmp_path: Path) -> None:
    assert load(write(tmp_path, CAMERA), ["model.name=yolox-nano"]).model.name == "yolox-nano"


def test_options_are_toml_where_they_can_be_and_text_where_not(tmp_path: Path) -> None:
    path = write(tmp_path, CAMERA)
    config = load(
        path,
        ["camera.0.loop=true", "model.engine=onnxruntime", 'camera.0.labels=["Cat", "traffic light"]', "web.port=81"],
    )
    assert config.camera[0].loop
    assert config.model.engine == ("onnxruntime",)
    assert config.camera[0].labels == ("cat", "traffic_light")
    assert config.web.port == 81
    assert load(path, [("node.name", "7")]).node.name == "7"


@pytest.mark.parametrize(
    "option", ["web.port", "=1", "camera.3.loop=true", "camera.x.loop=true", "web.port.x=1", "a..b=1"]
)
def test_an_option_that_cannot_be_placed_is_one_line(tmp_path: Path, option: str) -> None:
    with pytest.raises(UserError) as caught:
        load(write(tmp_path, CAMERA + "[web]\nport = 80\n"), [option])
    assert len(str(caught.value).splitlines()) == 1
    assert option in str(caught.value)


def test_an_option_is_named_when_its_value_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(ConfigFindings, match=r"--set web.port=many") as caught:
        load(write(tmp_path, CAMERA + "[web]\nport = 80\n"), ["web.port=many"])
    assert caught.value.findings[0].line is None


def test_cameras_without_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = default_config({"clip": "file:a b.mp4"}, ["model.engine=tflite"])
    assert config.camera[0].name == "clip"
    assert config.camera[0].source == f"file:{tmp_path}/a b.mp4"
    assert "name" not in config.node.model_fields_set


def test_secrets_come_from_the_environment_then_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "MAIL_PW").write_text("from file\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("MQTT_PW", "from environment")
    monkeypatch.setenv("CAM_PW", "p@ss")
    text = CAMERA.replace("synthetic:", "rtsp://cam/1") + (
        'username = "me"\npassword = "${CAM_PW}"\n'
        '[mqtt]\nhost = "b"\nusername = "u"\npassword = "${MQTT_PW}"\n'
        '[email]\nhost = "m"\nusername = "u"\npassword = "${MAIL_PW}"\nfrom = "a@b"\nto = "c@d"\n'
        '[node]\nname = "node"\n'
    )
    config = load(write(tmp_path, text))
    assert config.mqtt.password is not None
    assert config.mqtt.password.get_secret_value() == "from environment"
    assert config.email.password is not None
    assert config.email.password.get_secret_value() == "from file"
    assert config.camera[0].address == "rtsp://me:p%40ss@cam/1"
    for told in (repr(config), str(config), config.camera[0].shown):
        assert "from environment" not in told
        assert "p@ss" not in told
        assert "p%40ss" not in told


def test_a_login_in_the_url_is_never_told(tmp_path: Path) -> None:
    config = load(write(tmp_path, CAMERA.replace("synthetic:", "rtsp://me:hunter2@cam/1?password=hunter2")))
    assert "hunter2" not in repr(config)
    assert config.camera[0].shown == "rtsp://***@cam/1?password=***"
    assert config.camera[0].address == "rtsp://me:hunter2@cam/1?password=hunter2"


def test_a_missing_secret_is_an_error_at_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigFindings) as caught:
        load(write(tmp_path, CAMERA + '[mqtt]\nhost = "b"\nusername = "u"\npassword = "${NO_SUCH}"\n'))
    (finding,) = caught.value.findings
    assert (finding.line, finding.key) == (7, "mqtt.password")
    assert "NO_SUCH" in finding.message


def test_a_dollar_can_be_written(tmp_path: Path) -> None:
    config = load(write(tmp_path, CAMERA + '[mqtt]\nhost = "b"\nusername = "$${U}$x"\n'))
    assert config.mqtt.username == "${U}$x"


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b"# fine\n# \xe4\n")
    for path, said in [
        (tmp_path / "none.toml", "no configuration file"),
        (tmp_path, "cannot read"),
        (tmp_path / "latin.toml", ":2:"),
    ]:
        with pytest.raises(UserError) as caught:
            load(path)
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)


def test_no_file_at_all_says_where_one_was_sought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("edge.config.load.SYSTEM_FILE", tmp_path / "etc" / "edge.toml")
    with pytest.raises(UserError, match="--config"):
        load()
    write(tmp_path, CAMERA)
    assert load().camera[0].name == "porch"


def test_the_result_cannot_be_changed(tmp_path: Path) -> None:
    config: Config = load(write(tmp_path, CAMERA))
    with pytest.raises(ValueError, match="frozen"):
        config.web.port = 1


def test_the_data_folder_is_the_services_then_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, CAMERA)
    monkeypatch.setattr("edge.config.schema.node.STATE_FOLDER", tmp_path / "absent")
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    assert load(path).node.data == tmp_path / "share" / "edge"
    monkeypatch.setenv("STATE_DIRECTORY", f"{tmp_path}/state:{tmp_path}/more")
    assert load(path).node.data == tmp_path / "state"


@pytest.mark.parametrize(
    ("host", "near"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("127.0.0.2", True),
        ("[::1]", True),
        (".".join("0000"), False),
        ("192.168.1.20", False),
        ("raspberrypi", False),
        ("::", False),
        ("pi.local", False),
    ],
)
def test_what_counts_as_this_machine(host: str, near: bool) -> None:
    assert is_loopback(host) is near


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.20", "raspberrypi"])  # noqa: S104
def test_a_page_beyond_this_machine_wants_tls_or_a_word(host: str) -> None:
    def page(**table: object) -> Config:
        return default_config({"a": "synthetic:"}, [("web", {"host": host, **table})])

    with pytest.raises(ConfigFindings, match="has no TLS"):
        page()
    assert page(insecure=True).web.insecure
    assert page(cert="c.pem", key="k.pem").web.host == host
    assert page(enabled=False).web.host == host
