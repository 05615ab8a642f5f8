"""What would blind or change a house whose alarm is on, in the daemon's own wiring: refused, and in the alarm's log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import edge.daemon
from edge.config.load import default_config
from edge.daemon import Daemon
from edge.errors import AlarmRefused, UserError

CODE = {"name": "Anna", "code": "4711"}
WEB = "web 192.0.2.1"


class House:
    """A daemon that is not started: its alarm, switches and inbox are those of a running one."""

    def __init__(self, folder: Path, *, code: bool) -> None:
        codes = [("alarm.code", [CODE])] if code else []
        config = default_config({"hall": "synthetic:"}, [("node.data", str(folder)), *codes])
        self.restarts = 0
        self.daemon = Daemon(config, restart=self._restart)

    def _restart(self) -> None:
        self.restarts += 1

    def log(self) -> list[tuple[str, str | None, str, str]]:
        assert self.daemon.outbox.flush(5)
        rows = self.daemon.house.alarm_log(20)[::-1]
        return [(row["what"], row["by"], row["from"], row["result"]) for row in rows if row["what"] != "start"]


@pytest.fixture(params=[True, False], ids=["code", "no code"])
def house(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(edge.daemon, "RESTART_S", 0.0)
    house = House(tmp_path / "data", code=request.param)
    house.daemon.alarm.arm("away", "a test")
    yield house
    house.daemon.stop()


def test_over_mqtt_no_switch_blinds_an_alarm_that_has_a_code(house: House) -> None:
    code = bool(house.daemon.config.alarm.code)
    house.daemon.inbox.heard("hall/enabled/set", b"OFF")
    assert house.daemon.switches["hall"].wanted("enabled") is code
    assert house.daemon.inbox.counts()["refused"] == code
    result = "refused: no code" if code else "done"
    assert house.log()[1:] == [("hall/enabled off", None, "mqtt", result)]
    if code:
        with pytest.raises(AlarmRefused):
            house.daemon.house.switch("hall", "enabled", False, WEB)
        house.daemon.house.switch("hall", "enabled", False, WEB, code="4711")
        assert house.log()[-1] == ("hall/enabled off", "Anna", WEB, "done")


def test_an_alarm_that_is_on_is_not_restarted_over_mqtt(house: House) -> None:
    house.daemon.inbox.heard("restart/set", b"PRESS")
    assert (house.restarts, house.daemon.inbox.counts()["refused"]) == (0, 1)
    house.daemon.house.disarm("4711", "a test")
    house.daemon.inbox.heard("restart/set", b"PRESS")
    assert house.restarts == 1
    told = [(what, result) for what, _, _, result in house.log() if what == "restart"]
    assert told == [("restart", "refused: the alarm is armed_away"), ("restart", "done")]


def test_who_may_disarm_is_changed_with_a_right_code_alone(house: House) -> None:
    settings = house.daemon.house
    if house.daemon.config.alarm.code:
        for code in (None, "9999"):
            with pytest.raises(AlarmRefused):
                settings.settings_vouched(code, WEB)
        assert house.log()[-1] == ("settings", None, WEB, "refused: wrong code")
    name = settings.settings_vouched("4711", WEB)
    assert name == ("Anna" if house.daemon.config.alarm.code else None)
    settings.settings_changed(["alarm.code"], WEB, name)
    assert house.log()[-1] == ("settings: alarm.code", name, WEB, "done")


def test_the_page_changes_no_settings_where_the_code_is_wanted_to_disarm(house: House) -> None:
    if house.daemon.config.alarm.code:
        with pytest.raises(UserError, match="disarm it first"):
            house.daemon.house.settings_open(WEB)
        house.daemon.house.disarm("4711", "a test")
    house.daemon.house.settings_open(WEB)
    house.daemon.house.settings_changed(["alarm.code", "camera[0].source"], WEB)
    assert house.log()[-1] == ("settings: alarm.code, camera[0].source", None, WEB, "done")
