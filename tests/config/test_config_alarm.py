"""The alarm's settings: what is refused, where, and that no code is ever shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.alarm import settings_of
from edge.config.diagnose import ConfigFindings
from edge.config.load import load
from edge.config.redact import redact

CAMERA = '[[camera]]\nname = "door"\nsource = "synthetic:"\n'


def refused(tmp_path: Path, text: str) -> str:
    path = tmp_path / "edge.toml"
    path.write_text(CAMERA + text)
    with pytest.raises(ConfigFindings) as caught:
        load(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        ('[[alarm.code]]\nname = "Anna"\ncode = "12a4"\n', "a code is 4 to 16 digits", 6),
        ('[[alarm.code]]\nname = "Anna"\ncode = "123"\n', "a code is 4 to 16 digits", 6),
        ('[[alarm.schedule]]\nat = "25:00"\ndo = "disarm"\n', "not a time of day", 5),
        ('[[alarm.schedule]]\nat = "sunset+13h"\ndo = "disarm"\n', "more than twelve hours", 5),
        ('[[alarm.schedule]]\nat = "sunset"\ndo = "disarm"\n', "where the sun is seen from is not known", 5),
        ('[[alarm.schedule]]\nat = "22:00"\ndo = "sleep"\n', "arm_night", 6),
        ('[[alarm.schedule]]\ndays = []\nat = "22:00"\ndo = "disarm"\n', "cannot be empty", 5),
        ('[[alarm.siren]]\ntopic = "a/#"\n', "not a topic to publish to", 5),
        ('[[alarm.siren]]\ntopic = "a/b"\n', "no broker is set, so this siren never sounds", 4),
        ('[mqtt]\nport = 1883\n[[alarm.siren]]\ntopic = "a/b"\n', "no broker is set", 6),
        ("[alarm]\ncode_to_arm = true\n", "there is no code, so arming asks for none", 5),
        ('[alarm]\nlabels = ["person", "car"]\n', "no camera looks for `car`: it never sets the alarm off", 5),
        ('labels = ["motion"]\n[alarm]\nlabels = ["person"]\n', "they look for: motion", 6),
        ('tamper = false\n[alarm]\nlabels = ["tamper"]\n', "set `tamper = true` for one", 6),
        ('[[alarm.siren]]\ntopic = "a/b"\n[[alarm.siren]]\ntopic = "a/b"\n', "told by a siren already", 7),
        ('[[alarm.siren]]\ntopic = "edge/alarm/set"\n', "a topic of our own", 5),
        ('[[alarm.siren]]\ntopic = "homeassistant/status"\n', "a topic of our own", 5),
        ('[[alarm.siren]]\ntopic = "own/b/c"\n[mqtt]\nhost = "h"\nprefix = "own"\n', "a topic of our own", 5),
        ("[node]\nlatitude = 52.5\n", "needs `longitude`", 5),
        ('[node]\ntimezone = "Europe/Berlni"\n', "no time zone `Europe/Berlni`", 5),
        ("[alarm]\nentry_delay_s = 601\n", "must be at most 600", 5),
    ],
)
def test_a_mistake_is_shown_at_its_line(tmp_path: Path, text: str, said: str, line: int) -> None:
    report = refused(tmp_path, text)
    assert said in report
    assert f"edge.toml:{line}:" in report


def test_a_siren_may_have_a_topic_that_only_begins_as_ours_do(tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    path.write_text(CAMERA + '[mqtt]\nhost = "broker"\n[[alarm.siren]]\ntopic = "edged/siren/set"\n')
    assert load(path).alarm.siren[0].topic == "edged/siren/set"


def test_codes_differ_and_no_report_shows_one(tmp_path: Path) -> None:
    twice = '[[alarm.code]]\nname = "Anna"\ncode = "47110815"\n[[alarm.code]]\nname = "Anna"\ncode = "47110815"\n'
    report = refused(tmp_path, twice)
    assert "somebody else's code already" in report
    assert "this name has a code already" in report
    assert "47110815" not in report
    inline = 'alarm = {code = [{name = "Anna", code = "4711081x"}]}\n'
    path = tmp_path / "inline.toml"
    path.write_text(inline + CAMERA)
    with pytest.raises(ConfigFindings) as caught:
        load(path)
    assert "4711081x" not in str(caught.value)
    for text in (twice, inline, 'code = "47110815'):
        assert "4711081" not in redact(text)


def test_a_code_may_be_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANNAS_CODE", "4711")
    path = tmp_path / "edge.toml"
    path.write_text(CAMERA + '[[alarm.code]]\nname = "Anna"\ncode = "${ANNAS_CODE}"\n')
    config = load(path)
    assert "4711" not in repr(config)
    assert settings_of(config).codes[0].code == "4711"


def test_zones_inherit_modes_from_their_camera_and_delays_from_the_alarm(tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    points = "points = [[0, 0], [1, 0], [1, 1]]\n"
    path.write_text(
        f'{CAMERA}alarm_modes = ["away"]\n[[camera.zone]]\nname = "a"\n{points}'
        f'[[camera.zone]]\nname = "b"\n{points}alarm_modes = []\nentry_delay_s = 0\nexit_delay_s = 90\n'
        "[alarm]\nentry_delay_s = 30\nexit_delay_s = 60\n"
    )
    plan = settings_of(load(path)).plan
    assert plan.cameras["door"] == {"away"}
    assert (plan.zones["a"].modes, plan.zones["a"].entry_s, plan.zones["a"].exit_s) == ({"away"}, 30, 60)
    assert (plan.zones["b"].modes, plan.zones["b"].entry_s, plan.zones["b"].exit_s) == (set(), 0, 90)
    assert plan.longest_exit("home") == 60


def test_what_sets_the_alarm_off_follows_the_cameras_unless_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    yard = '[[camera]]\nname = "yard"\nsource = "synthetic:"\nlabels = ["motion"]\n'
    both = '[[camera]]\nname = "hall"\nsource = "synthetic:"\nlabels = ["person", "motion"]\n'
    path.write_text(CAMERA + yard + both)
    alarm = settings_of(load(path))
    assert alarm.counting("door") == alarm.counting("hall") == {"person"}
    assert "motion" in alarm.counting("yard")
    path.write_text(CAMERA + yard + both + '[alarm]\nlabels = ["Person", "tamper"]\n')
    alarm = settings_of(load(path))
    assert alarm.counting("door") == alarm.counting("yard") == {"person", "tamper"}


@pytest.mark.parametrize(
    ("do", "meant"),
    [
        ("arm", "did you mean `arm_home` or `arm_away` or `arm_night`?"),
        ("armed", "did you mean `arm_home` or `arm_away` or `arm_night`?"),
        ("Arm-Away", "did you mean `arm_away`?"),
        ("disarmed", "did you mean `disarm`?"),
        ("unarm", "did you mean `disarm`?"),
    ],
)
def test_nobody_who_wants_to_arm_is_told_to_disarm(tmp_path: Path, do: str, meant: str) -> None:
    assert meant in refused(tmp_path, f'[[alarm.schedule]]\nat = "22:00"\ndo = "{do}"\n')
