"""The form has every key that may be changed, and shows no secret."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from edge.config.edit import Change
from edge.config.form import DRAWN, SEALED, check_changes, form, values
from edge.config.schema import Config
from edge.config.toml import parse
from edge.errors import UserError
from tests.test_docs import keys

SECRETS = """
[[camera]]
name = "porch"
source = "rtsp://viewer:hunter2@192.168.1.20/1"
username = "viewer"
password = "hunter2"
[mqtt]
password = "${MQTT_PASSWORD}"
[email]
username = "me"
password = "hunter2"
[[alarm.code]]
name = "anna"
code = "4711"
[web]
port = 8100
"""


def fields(tables: list[dict[str, Any]], above: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for table in tables:
        path = f"{above}{table['key']}."
        yield from ((f"{path}{field['key']}", field) for field in table["fields"])
        yield from fields(table["tables"], path)


def test_every_key_is_in_the_form_but_those_that_are_sealed_or_drawn() -> None:
    found = dict(fields(form()))
    sealed = tuple(".".join(path) for path in SEALED)
    in_file = [key for key, field in found.items() if field["kind"] == "file"]
    wanted = {key for key in keys(Config) if not key.startswith(sealed) and key.rpartition(".")[2] not in DRAWN}
    wanted = {key for key in wanted if not key.startswith(("mqtt.tls.", *(f"{each}." for each in in_file)))}
    assert set(found) - set(in_file) - {"mqtt.tls"} == wanted - set(in_file)
    assert all(each.rpartition(".")[2] == "filter" for each in in_file)
    assert all(field["doc"] for field in found.values())
    assert found["email.throttle_s"] | {"doc": ""} == {
        "key": "throttle_s",
        "kind": "number",
        "doc": "",
        "default": "`60`",
        "needed": False,
        "min": 0,
        "unit": "seconds",
    }
    assert found["email.password"]["kind"] == "secret"
    assert found["crop.policy"]["choices"] == ["auto", "frame", "crop"]
    assert found["email.to"]["kind"] == found["camera.labels"]["kind"] == "texts"
    assert json.loads(json.dumps(form())) == form()


def test_no_secret_is_shown_and_a_reference_is() -> None:
    shown = values(parse(SECRETS))
    assert "hunter2" not in json.dumps(shown)
    assert shown["camera"][0]["password"] == {"$secret": ""}
    assert shown["camera"][0]["source"] == {"$masked": "rtsp://***@192.168.1.20/1"}
    assert shown["mqtt"]["password"] == {"$secret": "${MQTT_PASSWORD}"}
    assert shown["email"]["username"] == "me"
    assert shown["alarm"]["code"] == [{"name": "anna", "code": {"$secret": ""}}]
    assert "web" not in shown


@pytest.mark.parametrize("path", SEALED)
def test_what_is_sealed_is_not_changed(path: tuple[str, ...]) -> None:
    after: Any = "x"
    for key in reversed(path):
        after = {key: after}
    with pytest.raises(UserError, match="is changed in the file alone"):
        check_changes({}, after, [])
    check_changes(after, after, [])


def test_a_masked_text_is_not_written_as_it_was_shown() -> None:
    with pytest.raises(UserError, match=r"camera\[0\].source: \*\*\* stands for what this page does not show"):
        check_changes({}, {}, [Change(("camera", 0, "source"), "rtsp://***@other/1")])
    with pytest.raises(UserError, match="stands for"):
        check_changes({}, {}, [Change(("camera", 1), {"source": "rtsp://***@other/1"})])
