"""The configuration over HTTP: what is told, what is stored, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from edge.config.toml import parse
from edge.web.throttle import ONE_ADDRESS
from edge.web.workshop import FRESH_S
from tests.support.broker import eventually
from tests.web.conftest import PASSWORD, Opener, Site

FILE = """\
# mine
[[camera]]
name = "porch"
source = "synthetic:" # by the door
[mqtt]
host = "broker"
username = "edge"
password = "hunter2"
[web]
port = 8099
"""


@pytest.fixture
def home(open_site: Opener, file: Path) -> Site:
    site = open_site(None, "porch", file=file)
    assert site.set_password().status_code == 303
    return site


def told(site: Site, path: str = "") -> dict[str, Any]:
    answer = site.browser.get(f"/api/config{path}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def send(site: Site, body: Any, path: str = "", method: str = "PATCH") -> httpx.Response:
    return site.browser.request(method, f"/api/config{path}", json=body, headers={"x-csrf-token": site.csrf()})


def change(site: Site, *changes: tuple[list[Any], Any]) -> httpx.Response:
    listed = [{"key": key, "value": value} for key, value in changes]
    return send(site, {"version": told(site)["version"], "changes": listed})


def test_a_change_is_stored_loaded_and_told(home: Site, file: Path) -> None:
    before = told(home, "/loaded")
    answer = change(home, (["camera", 0, "min_score"], 0.5), (["mqtt", "port"], 1884))
    assert answer.status_code == 200
    wanted = FILE.replace("# by the door\n", "# by the door\nmin_score = 0.5\n")
    assert file.read_text() == wanted.replace('"hunter2"\n', '"hunter2"\nport = 1884\n')
    wanted_after = {"version": answer.json()["version"], "pending": False, "fault": None}
    eventually(lambda: told(home, "/loaded") == wanted_after)  # the reload begins after the answer
    assert wanted_after["version"] != before["version"]


def test_no_secret_leaves_the_device_and_one_that_is_not_touched_stays(home: Site, file: Path) -> None:
    assert "hunter2" not in home.browser.get("/api/config").text
    assert told(home)["values"]["mqtt"]["password"] == {"$secret": ""}
    assert change(home, (["mqtt", "port"], 1884)).status_code == 200
    assert parse(file.read_text())["mqtt"]["password"] == "hunter2"
    assert change(home, (["mqtt", "password"], "new")).status_code == 200
    assert parse(file.read_text())["mqtt"]["password"] == "new"


def test_what_is_wrong_is_told_at_its_key_and_line(home: Site, file: Path) -> None:
    answer = change(home, (["camera", 0, "min_score"], 2), (["email", "host"], "mail"))
    assert answer.status_code == 422
    said = answer.json()
    assert [(each["key"], each["line"]) for each in said["findings"]] == [
        ("camera[0].min_score", 5),
        ("email.host", 14),
    ]
    assert said["findings"][1]["help"] == 'write `from = "edge@example.org"`'
    assert said["error"] == (
        "Camera porch, min score: must be at most 1; Email, host: `from` is missing. Nothing was stored."
    )
    assert file.read_text() == FILE


def test_a_file_that_changed_meanwhile_is_left_alone(home: Site, file: Path) -> None:
    version = told(home)["version"]
    file.write_text(FILE + "# more\n")
    answer = send(home, {"version": version, "changes": [{"key": ["mqtt", "port"], "value": 1}]})
    assert (answer.status_code, answer.json()["error"].startswith("edge.toml was changed meanwhile")) == (409, True)
    assert file.read_text() == FILE + "# more\n"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ([], 400),
        ({}, 400),
        ({"version": 1}, 400),
        ({"changes": "x"}, 409),
        ({"changes": [{"key": [], "value": 1}]}, 409),
        ({"changes": [{"key": ["a"] * 20, "value": 1}]}, 409),
        ({"changes": [{"key": ["mqtt", -1], "value": 1}]}, 409),
        ({"changes": [{"key": ["mqtt", "port"], "value": [[[[[[[[[[]]]]]]]]]]}]}, 409),
        ({"changes": [{"key": ["web", "port"], "value": 1}]}, 409),
        ({"changes": [{"key": ["web"], "value": None}]}, 409),
        ({"changes": [{"key": ["engine"], "value": {"movidius": {"python": "/bin/sh"}}}]}, 409),
        ({"changes": [{"key": ["camera", 0, "source"], "value": "rtsp://***@a/b"}]}, 409),
        ({"changes": [{"key": ["camera", 0, "nothing"], "value": 1}]}, 422),
        ({"changes": [{"key": ["camera", 0], "value": None}]}, 422),
    ],
)
def test_what_may_not_be_changed_is_refused_in_one_line(home: Site, file: Path, body: Any, status: int) -> None:
    if isinstance(body, dict) and "changes" in body:
        body = {"version": told(home)["version"], **body}
    answer = send(home, body)
    assert answer.status_code == status
    assert "\n" not in answer.json()["error"]
    assert file.read_text() == FILE


def test_what_is_drawn_is_read_and_written(home: Site, file: Path) -> None:
    drawn = told(home, "/areas/porch")
    assert (drawn["camera"], drawn["zone"], "zone" in drawn["kinds"]) == ("porch", [], True)
    drawn["zone"] = [{"name": "path", "points": [[0, 0], [1, 0], [1, 1]], "was": None}]
    assert send(home, drawn, "/areas/porch", "PUT").status_code == 200
    assert parse(file.read_text())["camera"][0]["zone"] == [{"name": "path", "points": [[0, 0], [1, 0], [1, 1]]}]
    assert home.browser.get("/api/config/areas/attic").json() == {"error": "there is no camera `attic` in the file"}


def test_while_the_alarm_is_on_its_code_cannot_be_taken_out_nor_anything_else_changed(home: Site, file: Path) -> None:
    home.house.code = "4711"
    for answer in (
        change(home, (["mqtt", "port"], 1884)),
        send(home, told(home, "/areas/porch"), "/areas/porch", "PUT"),
    ):
        assert (answer.status_code, answer.json()["error"]) == (409, "disarm it first")
    assert file.read_text() == FILE
    home.house.state["alarm"] = "disarmed"
    assert change(home, (["mqtt", "port"], 1884), (["camera", 0, "loop"], True)).status_code == 200
    assert home.house.log == ["settings mqtt.port, camera[0].loop by web 127.0.0.1"]


def test_who_may_disarm_is_changed_with_a_code_alone_also_while_disarmed(home: Site, file: Path) -> None:
    text = FILE + '[[alarm.code]]\nname = "anna"\ncode = "4711"\n'
    file.write_text(text)
    home.house.code = "4711"
    home.house.state["alarm"] = "disarmed"
    wishes: list[tuple[list[Any], Any]] = [
        (["alarm", "code", 0, "code"], "9999"),
        (["alarm", "code", 1], {"name": "guest", "code": "9999"}),
        (["alarm", "code", 0], None),
        (["alarm"], None),
        (["alarm", "schedule", 0], {"at": "02:00", "do": "disarm"}),
    ]
    for key, value in wishes:
        version, listed = told(home)["version"], [{"key": key, "value": value}]
        for code in (None, "9999"):
            answer = send(home, {"version": version, "changes": listed, "code": code})
            assert (answer.status_code, answer.json().get("code_wanted")) == (409, True), key
        assert send(home, {"version": version, "changes": listed, "code": 4711}).status_code == 409
    assert file.read_text() == text
    assert change(home, (["mqtt", "port"], 1884)).status_code == 200
    key, value = wishes[0]
    wish = {"version": told(home)["version"], "changes": [{"key": key, "value": value}], "code": "4711"}
    assert send(home, wish).status_code == 200
    assert parse(file.read_text())["alarm"]["code"][0]["code"] == "9999"
    assert home.house.log[-1] == "settings alarm.code[0].code by anna, web 127.0.0.1"


def test_a_secret_is_filled_in_where_no_value_is_shown(home: Site, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", "topsecret")
    for key, value in (
        (["node", "name"], "${PW}"),
        (["mqtt", "host"], "a.${PW}.example"),
        (["camera", 0, "source"], "rtsp://me:${PW}@192.0.2.1/1"),
        (["camera", 0, "labels"], ["${PW}"]),
    ):
        answer = change(home, (key, value))
        assert (answer.status_code, "topsecret" in answer.text) == (422, False)
        assert "for passwords and codes alone" in answer.json()["findings"][0]["message"]
    assert file.read_text() == FILE
    assert change(home, (["mqtt", "password"], "${PW}"), (["node", "name"], "$${PW}")).status_code == 422
    assert change(home, (["mqtt", "password"], "${PW}")).status_code == 200


def test_a_reference_that_the_file_has_stays(home: Site, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", "topsecret")
    file.write_text(FILE.replace("synthetic:", "rtsp://me:${PW}@192.0.2.1/1"))
    assert change(home, (["camera", 0, "loop"], False), (["mqtt", "port"], 1884)).status_code == 200


def test_no_stored_password_goes_to_another_host(home: Site, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", "topsecret")
    login = 'username = "me"\npassword = "${PW}"\n'
    with_login = FILE.replace('"synthetic:" # by the door\n', f'"rtsp://192.0.2.1/1"\n{login}')
    file.write_text(with_login)

    def refused(*changes: tuple[list[Any], Any]) -> list[str]:
        answer = change(home, *changes)
        assert answer.status_code == 422, answer.text
        assert file.read_text() == with_login
        return [each["key"] for each in answer.json()["findings"]]

    assert refused((["mqtt", "host"], "evil")) == ["mqtt.password"]
    assert refused((["mqtt", "host"], "x://broker/.evil")) == ["mqtt.password"]
    assert refused((["mqtt", "host"], "evil"), (["mqtt", "password"], "${PW}")) == ["mqtt.password"]
    assert refused((["camera", 0, "source"], "rtsp://evil/1")) == ["camera[0].password"]
    assert refused((["camera", 0, "source"], "rtsp://192.0.2.1@evil/1")) == ["camera[0].password"]
    other = {"name": "yard", "source": "rtsp://evil/1", "username": "me", "password": "${PW}"}
    assert refused((["camera", 1], other)) == ["camera[1].password"]
    assert change(home, (["camera", 0, "source"], "rtsp://192.0.2.1/2")).status_code == 200
    assert change(home, (["mqtt", "host"], "other"), (["mqtt", "password"], "hunter2")).status_code == 200
    assert change(home, (["mqtt", "host"], "third"), (["mqtt", "password"], None)).status_code == 200


def test_a_reference_typed_once_is_taken_also_with_its_host(home: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MQTT_PASSWORD", "topsecret")
    monkeypatch.setenv("MAIL_PASSWORD", "other")
    assert change(home, (["mqtt", "password"], "${MQTT_PASSWORD}")).status_code == 200
    mail = {"host": "mail.example", "from": "a@b.example", "to": "c@d.example", "username": "a"}
    assert change(home, (["email"], {**mail, "password": "${MAIL_PASSWORD}"})).status_code == 200
    assert change(home, (["mqtt", "tls"], True), (["mqtt", "port"], 8883)).status_code == 200
    assert change(home, (["mqtt", "password"], None)).status_code == 200
    assert change(home, (["mqtt", "password"], "${MQTT_PASSWORD}")).status_code == 200


def test_a_reference_is_typed_with_its_host_and_stays_with_it(
    home: Site, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PW", "topsecret")
    file.write_text(FILE.replace('host = "broker"\n', ""))
    alone = change(home, (["mqtt", "password"], "${PW}"))
    assert alone.status_code == 422
    assert "`host` is missing" in alone.json()["error"]
    assert change(home, (["mqtt", "password"], "${PW}"), (["mqtt", "host"], "broker")).status_code == 200
    assert change(home, (["mqtt", "host"], None)).status_code == 422
    assert change(home, (["mqtt", "host"], "evil")).status_code == 422


@pytest.mark.parametrize("first", [True, False], ids=["used by the file", "taken out before"])
def test_no_reference_reaches_a_host_that_the_page_has_set_before(
    home: Site, file: Path, monkeypatch: pytest.MonkeyPatch, first: bool
) -> None:
    monkeypatch.setenv("PW", "topsecret")
    file.write_text(FILE.replace("hunter2", "${PW}"))
    if first:
        assert change(home, (["mqtt", "password"], "known"), (["mqtt", "host"], "evil")).status_code == 200
    else:
        assert change(home, (["mqtt", "password"], None)).status_code == 200
        assert change(home, (["mqtt", "host"], "evil")).status_code == 200
    for key in (["mqtt", "password"], ["alarm", "code"]):
        code = {"name": "Anna", "code": "${PW}"}
        answer = change(home, (key, "${PW}" if key[0] == "mqtt" else [code]))
        assert answer.status_code == 422, answer.text
        assert "topsecret" not in answer.text
        assert "`${PW}` was used elsewhere" in answer.json()["findings"][0]["message"]
    yard = {"name": "yard", "source": "rtsp://evil/1", "username": "me", "password": "a"}
    assert change(home, (["camera", 1], yard)).status_code == 200
    assert change(home, (["camera", 1, "password"], "a${PW}")).status_code == 422
    assert change(home, (["mqtt", "host"], "broker"), (["mqtt", "password"], "${PW}")).status_code == 200


def test_what_the_file_tells_its_host_goes_nowhere_else_with_it(
    home: Site, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHO", "topsecret")
    file.write_text(FILE.replace('"edge"', '"${WHO}"'))
    answer = change(home, (["mqtt", "host"], "evil"), (["mqtt", "password"], "x"))
    assert [each["key"] for each in answer.json()["findings"]] == ["mqtt.username"]
    file.write_text(file.read_text().replace("broker", "evil"))  # on the device
    assert change(home, (["mqtt", "password"], "x")).status_code == 200


def test_no_stored_password_is_told_in_clear_by_the_page(
    home: Site, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PW", "topsecret")
    mail = '[email]\nhost = "m"\nfrom = "a@b.example"\nto = "a@b.example"\nusername = "a"\npassword = "${PW}"\n'
    file.write_text(FILE.replace("[web]", f"tls = true\n{mail}[web]"))
    assert change(home, (["mqtt", "tls"], None)).json()["findings"][0]["key"] == "mqtt.password"
    assert change(home, (["mqtt", "tls"], None), (["mqtt", "password"], "hunter2")).status_code == 200
    for clear in (["email", "starttls"], False), (["email", "security"], "none"):
        assert change(home, clear).json()["findings"][0]["key"] == "email.password"
    assert change(home, (["email", "security"], "tls")).status_code == 200


def test_where_secrets_were_used_is_kept_or_nothing_is_changed(
    home: Site, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PW", "topsecret")
    file.write_text(FILE.replace("hunter2", "${PW}"))
    home.house.kept = "[oh"
    answer = change(home, (["mqtt", "password"], None))
    assert (answer.status_code, "${PW}" in file.read_text()) == (503, True)


def test_a_file_that_is_no_toml_at_the_moment_is_told(home: Site, file: Path) -> None:
    file.write_text("[[camera\n")
    answer = home.browser.get("/api/config")
    assert answer.status_code == 409
    assert "no valid TOML at the moment" in answer.json()["error"]


def test_nobody_without_a_session_or_the_token_reads_or_changes_anything(home: Site, file: Path) -> None:
    stranger = home.another()
    for path in ("", "/loaded", "/areas/porch"):
        assert stranger.get(f"/api/config{path}").status_code == 401
    for path in ("/settings", "/areas"):
        assert stranger.get(path).headers["location"] == "/login"
    body = {"version": told(home)["version"], "changes": [{"key": ["mqtt", "port"], "value": 1}]}
    assert stranger.patch("/api/config", json=body).status_code == 401
    assert home.browser.patch("/api/config", json=body).status_code == 403
    assert file.read_text() == FILE


def test_a_session_of_long_ago_changes_nothing_until_the_password_is_given(home: Site, file: Path) -> None:
    home.hands.now += FRESH_S + 1
    answer = change(home, (["mqtt", "port"], 1884))
    assert (answer.status_code, answer.json()["locked"]) == (403, True)
    assert send(home, {**told(home, "/areas/porch"), "zone": []}, "/areas/porch", "PUT").status_code == 403
    assert send(home, {"password": 1}, "/unlock", "POST").status_code == 400
    for _ in range(ONE_ADDRESS.burst):
        assert send(home, {"password": "a guess"}, "/unlock", "POST").status_code == 403
    assert send(home, {"password": PASSWORD}, "/unlock", "POST").status_code == 429
    assert file.read_text() == FILE
    home.hands.now += 61
    assert send(home, {"password": PASSWORD}, "/unlock", "POST").status_code == 200
    assert change(home, (["mqtt", "port"], 1884)).status_code == 200


def test_a_house_without_a_file_offers_nothing(open_site: Opener) -> None:
    site = open_site(None, "porch")
    site.set_password()
    for path in ("", "/loaded", "/areas/porch"):
        assert site.browser.get(f"/api/config{path}").status_code == 404


def test_half_a_surrogate_pair_is_a_malformed_request_everywhere(home: Site, file: Path) -> None:
    half, token, version = "\ud800", {"x-csrf-token": home.csrf()}, told(home)["version"]
    bodies: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/api/config/unlock", {"password": half}),
        ("PATCH", "/api/config", {"version": version, "changes": [{"key": ["node", half], "value": 1}]}),
        ("PATCH", "/api/config", {"version": version, "changes": [{"key": ["node", "name"], "value": half}]}),
        ("PUT", "/api/config/areas/porch", {"version": version, "zones": [{"name": half}]}),
        ("POST", "/api/alarm", {"mode": "disarmed", "code": half}),
        ("POST", "/api/cameras/porch/detect", {"on": True, half: 1}),
        ("POST", "/api/events/1700000000-abcdef/nothing", {"nothing": True, half: 1}),
    ]
    for method, path, body in bodies:
        headers = {**token, "content-type": "application/json"}
        answer = home.browser.request(method, path, content=json.dumps(body), headers=headers)
        assert answer.status_code == 400, (path, answer.text)
    assert file.read_text() == FILE
