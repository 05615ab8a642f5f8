"""What is wrong is told at its line, with what was meant; all of it, and never a secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config.diagnose import ConfigFindings, Located
from edge.config.load import load

CAMERA = '[[camera]]\nname = "porch"\nsource = "synthetic:"\n'


def refused(folder: Path, text: str, files: bool = False) -> ConfigFindings:
    path = folder / "edge.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigFindings) as caught:
        load(path, files=files)
    return caught.value


def only(error: ConfigFindings) -> Located:
    (finding,) = error.findings
    return finding


def test_the_report_reads_as_documented(tmp_path: Path) -> None:
    error = refused(
        tmp_path, '[[camera]]\nname = "a"\nsource = "synthetic:"\n\tlabel = ["cat"]\n[mqtt]\nport = "many"\n'
    )
    assert str(error) == (
        f"{tmp_path}/edge.toml cannot be used\n\n"
        "error: camera[0].label: unknown key `label`\n"
        f"  --> {tmp_path}/edge.toml:4:2\n"
        "   |\n"
        ' 4 | \tlabel = ["cat"]\n'
        "   | \t^^^^^\n"
        "   = help: did you mean `labels`?\n\n"
        "error: mqtt.port: must be a whole number, without quotes\n"
        f"  --> {tmp_path}/edge.toml:6:8\n"
        "   |\n"
        ' 6 | port = "many"\n'
        "   |        ^^^^^^\n\n"
        f"2 errors in {tmp_path}/edge.toml. Nothing was started."
    )


@pytest.mark.parametrize(
    ("text", "line", "column", "key", "said", "help"),
    [
        (CAMERA + "[mqtt]\nport = 0\n", 5, 8, "mqtt.port", "at least 1", None),
        (CAMERA + "mqtt.port = 1\n", 4, 1, "camera[0].mqtt", "unknown key", "keys here"),
        ("mqtt.'prot' = 1\n" + CAMERA, 1, 6, "mqtt.prot", "unknown key", "`port`"),
        ("mqtt = {host = 'a', port = true}\n" + CAMERA, 1, 28, "mqtt.port", "whole number", None),
        (CAMERA + "loop = 1\n", 4, 8, "camera[0].loop", "true or false", None),
        (CAMERA + "labels = []\n", 4, 10, "camera[0].labels", "empty", None),
        (CAMERA + 'labels = "person"\n', 4, 10, "camera[0].labels", "list", None),
        (CAMERA + 'labels = ["person",\n  "all"]\n', 5, 3, "camera[0].labels[1]", "topic of its own", None),
        (CAMERA + "min_score = 1.5\n", 4, 13, "camera[0].min_score", "at most 1", None),
        (CAMERA + "min_score = nan\n", 4, 13, "camera[0].min_score", "finite", None),
        (CAMERA + "max_fps = 0\n", 4, 11, "camera[0].max_fps", "more than 0", None),
        (CAMERA + 'username = "a"\n', 4, 12, "camera[0].username", "rtsp", None),
        (CAMERA + "zone = [{name='z', points=[[0,0],[1,1]]}]\n", 4, 27, "camera[0].zone[0].points", "3 corners", None),
        (
            CAMERA + "zone = [{name='z', points=[[0,0],[1,1],[0.5,0.5]]}]\n",
            4,
            27,
            "camera[0].zone[0].points",
            "no area",
            None,
        ),
        (
            CAMERA + "zone = [{name='z', points=[[0,0],[1,1],[0.5]]}]\n",
            4,
            40,
            "camera[0].zone[0].points[2]",
            "too few",
            None,
        ),
        (
            CAMERA + "zone = [{name='z', points=[[0,0],[1,1],[1,2]]}]\n",
            4,
            43,
            "camera[0].zone[0].points[2][1]",
            "at most 1",
            None,
        ),
        (
            CAMERA + "zone = [{name='porch', points=[[0,0],[1,1],[1,0]]}]\n",
            4,
            15,
            "camera[0].zone[0].name",
            "already",
            None,
        ),
        (CAMERA + CAMERA, 5, 8, "camera[1].name", "already", None),
        (CAMERA.replace("porch", "Front Door"), 2, 8, "camera[0].name", "a-z", "`front_door`"),
        (CAMERA.replace("porch", "events"), 2, 8, "camera[0].name", "topic", None),
        (CAMERA.replace("synthetic:", "picamera:csi"), 3, 10, "camera[0].source", "the number of a", "`picamera:0`"),
        (CAMERA.replace("synthetic:", "jetson:0?fpz=5"), 3, 10, "camera[0].source", "no such setting", "`fps`"),
        (CAMERA.replace("synthetic:", "gst:a ! "), 3, 10, "camera[0].source", "ends with a `!`", "leave the last"),
        (
            CAMERA.replace("synthetic:", "/dev/video2"),
            3,
            10,
            "camera[0].source",
            "not a camera source",
            "v4l2:/dev/video2",
        ),
        (CAMERA.replace("synthetic:", "clips/a.mp4"), 3, 10, "camera[0].source", "not a", "file:clips/a.mp4"),
        (CAMERA.replace("synthetic:", "rtps://a"), 3, 10, "camera[0].source", "not a", "rtsp://"),
        (CAMERA.replace("synthetic:", "rtsp:///a"), 3, 10, "camera[0].source", "no host", None),
        (CAMERA.replace("synthetic:", "rtsp://u:p#x@cam/1"), 3, 10, "camera[0].source", "not a valid URL", "username"),
        (CAMERA.replace("synthetic:", "v4l2:1"), 3, 10, "camera[0].source", "device", "v4l2:/dev/video1"),
        ('[camera]\nname = "a"\nsource = "synthetic:"\n', 1, 2, "camera", "list", "[[camera]]"),
        ("[web]\nport = 80\n", 1, 1, "camera", "missing", "[[camera]]"),
        ("", 1, 1, "camera", "missing", "[[camera]]"),
        ("camera = []\n", 1, 10, "camera", "empty", None),
        ('[[camera]]\nname = "a"\n', 1, 3, "camera[0].source", "missing", None),
        (CAMERA + '[mqtt]\nversion = "3.1"\n', 5, 11, "mqtt.version", "one of: 5, 3.1.1", "`3.1.1`"),
        (CAMERA + '[mqtt]\ntls = "yes"\n', 5, 7, "mqtt.tls", "table", "tls = true"),
        (CAMERA + '[mqtt.tls]\nkey = "k"\n', 5, 7, "mqtt.tls.key", "`cert`", None),
        (CAMERA + '[mqtt]\nprefix = "a/b"\n', 5, 10, "mqtt.prefix", "a-z", "`a_b`"),
        (CAMERA + '[mqtt]\npassword = "p"\n', 5, 12, "mqtt.password", "`username`", None),
        (CAMERA + '[email]\nfrom = "a@b"\nto = "c@d"\n', 5, 8, "email.from", "so nobody is mailed", "add `host`"),
        (CAMERA + '[[email.recipient]]\nto = "a@b"\n', 4, 9, "email.recipient", "so nobody is mailed", "add `host`"),
        (CAMERA + '[mqtt]\nusername = "u"\n', 5, 12, "mqtt.username", "so nothing is published", "host"),
        (CAMERA + '[mqtt]\nhost = "mqtt://h:1883"\n', 5, 8, "mqtt.host", "alone", "port ="),
        (CAMERA + '[mqtt]\nhost = "h:1883"\n', 5, 8, "mqtt.host", "alone", 'host = "h"` and `port = 1883'),
        (CAMERA + '[mqtt]\nhost = "[::1]:1883"\n', 5, 8, "mqtt.host", "alone", 'host = "::1"` and `port = 1883'),
        (CAMERA + '[email]\nhost = "m:587"\nfrom = "a@b"\nto = "c@d"\n', 5, 8, "email.host", "alone", "port = 587"),
        (CAMERA + '[email]\nhost = "m"\nto = "a@b"\n', 5, 8, "email.host", "`from` is missing", "from ="),
        (CAMERA + '[email]\nto = ["a@b", "no"]\n', 5, 14, "email.to[1]", "mail address", None),
        (CAMERA + '[email]\nto = "a@b\\nBcc: c@d"\n', 5, 6, "email.to[0]", "mail address", None),
        (CAMERA + "[email]\nthrottle_s = -1\n", 5, 14, "email.throttle_s", "at least 0", None),
        (CAMERA + '[web]\nhost = "0.0.0.0"\n', 5, 8, "web.host", "no TLS", "insecure"),
        (CAMERA + '[web]\ncert = "c"\n', 5, 8, "web.cert", "`key`", None),
        (CAMERA + "[model]\nengine = 5\n", 5, 10, "model.engine[0]", "text in quotes", None),
        (CAMERA + "[web]\ncert = 5\nkey = 'k'\n", 5, 8, "web.cert", "path in quotes", None),
        (
            CAMERA + "zone = [{name='z', points=[[0,0],[1,1],[1,0,0]]}]\n",
            4,
            40,
            "camera[0].zone[0].points[2]",
            "more than 2",
            None,
        ),
        ("web = 5\n" + CAMERA, 1, 7, "web", "table", None),
    ],
)
def test_a_mistake_is_shown_where_it_stands(
    tmp_path: Path, text: str, line: int, column: int, key: str, said: str, help: str | None
) -> None:
    found = only(refused(tmp_path, text))
    assert (found.line, found.column, found.key) == (line, column, key)
    assert said in found.message
    assert help is None or (found.help and help in found.help)


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ("[web]\nhost = porch\n", 2, 8, "quotes"),
        ("[web]\nhost = 'a\n", 2, 10, "not valid TOML"),
        ("a = 1\na = 2\n", 2, 6, "twice"),
        ("[a\n", 1, 3, "not valid TOML"),
        ("a = [1,\n", 1, 8, "not valid TOML"),
    ],
)
def test_what_is_no_toml_is_shown_where_it_breaks(tmp_path: Path, text: str, line: int, column: int, said: str) -> None:
    error = refused(tmp_path, text)
    found = only(error)
    assert (found.line, found.column) == (line, column)
    assert said in f"{found.message} {found.help}"
    assert f"{line} | {text.splitlines()[line - 1]}" in str(error)


def test_everything_wrong_is_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = CAMERA + 'colour = 1\n[mqtt]\nport = "x"\n' + CAMERA + '[web]\ncert = "gone.pem"\n'
    error = refused(tmp_path, text, files=True)
    assert [(f.line, f.key) for f in error.findings] == [
        (4, "camera[0].colour"),
        (6, "mqtt.port"),
        (8, "camera[1].name"),
        (11, "web.cert"),
        (11, "web.cert"),
    ]


def test_files_that_are_not_there_are_found_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("no folder")
    text = (
        '[node]\ndata = "data"\n[[camera]]\nname = "a"\nsource = "file:gone.mp4"\n'
        '[model]\nname = "./gone.onnx"\nmanifest = "."\n'
    )
    error = refused(tmp_path, text, files=True)
    assert [f.key for f in error.findings] == ["node.data", "camera[0].source", "model.name", "model.manifest"]
    assert f"no file {tmp_path}/gone.mp4" in str(error)


SECRET = "s3cr3tp4ss"


@pytest.mark.parametrize(
    "text",
    [
        f"[mqtt]\npassword = {SECRET}\n",
        f'[mqtt]\npassword = "{SECRET}\n',
        f'mqtt = {{password = "{SECRET}", port = "x"}}\n' + CAMERA,
        f'mqtt = {{pasword = "{SECRET}", port = 1}}\n' + CAMERA,
        f'mqtt.password = ["{SECRET}"]\n' + CAMERA,
        CAMERA.replace("synthetic:", f"rtps://me:{SECRET}@cam/1"),
        CAMERA.replace("synthetic:", f"rtsp://me:{SECRET}#x@cam/1"),
        CAMERA.replace('"synthetic:"', f'"rtsp://me:{SECRET}@cam/1'),
        f'[email]\npassword = """\n{SECRET}\n{SECRET}"""\nport = 0\n' + CAMERA,
        f'[mqtt]\npassword = "{SECRET}"\n' + CAMERA,
    ],
)
def test_no_report_tells_a_secret(tmp_path: Path, text: str) -> None:
    error = refused(tmp_path, text)
    assert SECRET not in str(error)
    assert SECRET not in repr(error.findings)


def test_the_caret_stays_under_its_key_behind_a_masked_password(tmp_path: Path) -> None:
    error = refused(tmp_path, f'mqtt = {{password = "{SECRET}", username = "u", port = "x"}}\n' + CAMERA)
    rows = str(error).splitlines()
    quoted = next(i for i, row in enumerate(rows) if row.startswith(" 1 | "))
    start = rows[quoted + 1].index("^")
    assert rows[quoted][start : start + 3] == '"x"'
    assert only(error).column == len(f'mqtt = {{password = "{SECRET}", username = "u", port = ') + 1


def test_no_option_tells_a_secret(tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    path.write_text(CAMERA)
    with pytest.raises(ConfigFindings) as caught:
        load(path, [f"mqtt.password={SECRET}"])
    assert SECRET not in str(caught.value)


@settings(max_examples=150, deadline=None)
@given(st.text("[]{}=.,#'\"\n ab1", max_size=40), st.sampled_from(["", CAMERA, "[mqtt]\n", "[[camera]]\n"]))
def test_any_text_gives_a_configuration_or_a_report(
    tmp_path_factory: pytest.TempPathFactory, text: str, before: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(before + text, "utf-8")
    try:
        load(path)
    except ConfigFindings as error:
        lines = (before + text).split("\n")
        for found in error.findings:
            assert found.line is not None
            assert found.column is not None
            assert 1 <= found.line <= len(lines)
            assert 1 <= found.column <= len(lines[found.line - 1]) + 1


@pytest.mark.parametrize(
    "text",
    [
        'node = {name = "${PW}"}\n' + CAMERA,
        'node = {timezone = "Europe/${PW}"}\n' + CAMERA,
        CAMERA.replace("synthetic:", "${PW}"),
        CAMERA.replace("synthetic:", "v4l2:x${PW}"),
        CAMERA.replace("synthetic:", "picamera:${PW}"),
        CAMERA.replace("synthetic:", "jetson:0?${PW}=5"),
        CAMERA.replace("synthetic:", "gst:rtspsrc user-pw=${PW} !"),
        CAMERA + 'required_zones = ["${PW}"]\n',
        CAMERA + 'zone = [{name = "x${PW}x", points = [[0, 0]]}]\n',
        '[email]\nhost = "h"\nto = ["${PW}"]\nfrom = "${PW}"\n' + CAMERA,
    ],
)
@pytest.mark.parametrize("secret", ["S3cr3t p4ss", "/dev/video0", "S3c"])
def test_no_report_tells_a_secret_that_was_filled_in(
    tmp_path: Path, text: str, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PW", secret)
    error = refused(tmp_path, text)
    plain = secret.lower().replace(" ", "_")
    assert not any(told in repr(error.findings).lower() for told in (secret.lower(), plain))


def test_a_hint_that_tells_nothing_of_the_secret_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", "a#b?c")
    found = only(refused(tmp_path, CAMERA.replace("synthetic:", "rtsp://me:${PW}@cam/1")))
    assert found.help == "a user name or password with special characters goes in `username`/`password`"


ZONE = '[[camera.zone]]\nname = "lawn"\npoints = [[0.1, 0.5], [0.9, 0.5], [0.9, 1.0]]\n'
LINE = '[[camera.line]]\nname = "gate"\npoints = [[0.1, 0.5], [0.9, 0.5]]\n'


@pytest.mark.parametrize(
    ("text", "line", "column", "key", "said", "help"),
    [
        ('required_zones = ["lown"]\n' + ZONE, 4, 19, "camera[0].required_zones[0]", "no zone `lown`", "`lawn`"),
        ('required_zones = ["gate"]\n' + LINE, 4, 19, "camera[0].required_zones[0]", "no zone `gate`", "camera.zone"),
        (ZONE + LINE.replace("gate", "lawn"), 8, 8, "camera[0].line[0].name", "is the name of a zone", "shared by all"),
        (LINE.replace("gate", "porch"), 5, 8, "camera[0].line[0].name", "is the name of a camera", None),
        (LINE.replace("gate", "stats"), 5, 8, "camera[0].line[0].name", "a topic of its own", None),
        (LINE + 'direction = "inn"\n', 7, 13, "camera[0].line[0].direction", "both, in, out", "`in`"),
        ("[[camera.line]]\nname = 'a'\npoints = [[0, 0]]\n", 6, 10, "camera[0].line[0].points", "two ends", None),
        (LINE.replace("0.1, 0.5", "0.9, 0.5"), 6, 10, "camera[0].line[0].points", "the same", None),
        (
            "object_mask = [[[0, 0], [1, 1], [1, 0], [0, 1]]]\n",
            4, 16, "camera[0].object_mask[0]", "crosses itself", "in order",
        ),
        ("object_mask = [[0, 0], [1, 1]]\n", 4, 15, "camera[0].object_mask", "a single outline", "[[[x, y]"),
        (ZONE + "inertia = 0\n", 7, 11, "camera[0].zone[0].inertia", "at least 1", None),
        (ZONE + "loiter_s = 0\n", 7, 12, "camera[0].zone[0].loiter_s", "more than 0", None),
        (ZONE + 'labels = ["persn"]\n', 7, 11, "camera[0].zone[0].labels[0]", "does not look for `persn`", "`person`"),
        (LINE + 'labels = ["dog"]\n', 7, 11, "camera[0].line[0].labels[0]", "does not look for `dog`", "person"),
        ("[camera.filter.persn]\nmin_area = 0.1\n", 4, 16, "camera[0].filter.persn", "does not look for", "`person`"),
        (
            "[camera.filter.person]\nmin_area = 0.5\nmax_area = 0.1\n",
            6, 12, "camera[0].filter.person.max_area", "nothing would pass", None,
        ),
        (
            ZONE + "[camera.zone.filter.person]\nmin_ratio = 3\nmax_ratio = 2.5\n",
            9, 13, "camera[0].zone[0].filter.person.max_ratio", "nothing would pass", None,
        ),
        (
            "[camera.filter.person]\nmin_aria = 0.5\n",
            5, 1, "camera[0].filter.person.min_aria", "unknown key", "`min_area`",
        ),
        ("filter.person = 1\n", 4, 17, "camera[0].filter.person", "must be a table", None),
    ],
)  # fmt: skip
def test_a_mistake_in_what_is_drawn_is_shown_at_its_place(
    tmp_path: Path, text: str, line: int, column: int, key: str, said: str, help: str | None
) -> None:
    found = only(refused(tmp_path, CAMERA + text))
    assert (found.line, found.column, found.key) == (line, column, key)
    assert said in found.message
    assert help is None or help in str(found.help)


def test_everything_that_can_be_drawn_is_accepted_together(tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    path.write_text(
        '[[camera]]\nname = "porch"\nsource = "synthetic:"\nlabels = ["Person", "traffic light"]\n'
        'required_zones = ["lawn"]\nobject_mask = [[[0, 0], [1, 0], [1, 1], [0, 0]]]\n'
        "[camera.filter.person]\nmin_area = 0.001\nmask = [[[0, 0], [1, 0], [1, 1]]]\n"
        + ZONE + 'labels = ["traffic light"]\nloiter_s = 2\n'
        '[camera.zone.filter."traffic light"]\nmax_ratio = 2\n' + LINE
    )  # fmt: skip
    camera = load(path).camera[0]
    assert list(camera.filter) == ["person"]
    assert list(camera.zone[0].filter) == ["traffic_light"]
    assert camera.zone[0].inertia == 3
    assert camera.line[0].direction == "both"
