"""From the configuration to groups of recipients: names, rules, and the address that links lead to."""

from __future__ import annotations

import socket
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from edge import mailing, outlets
from edge.config.diagnose import ConfigFindings
from edge.config.load import load
from edge.config.schema import Config, Web
from edge.hours import Hours
from edge.sinks.email.settings import EmailSettings, Rules

CAMERA = """
[[camera]]
name = "porch"
source = "synthetic:"
[[camera.zone]]
name = "path"
points = [[0.1, 0.5], [0.9, 0.5], [0.9, 1.0]]
"""


def config(folder: Path, text: str) -> Config:
    path = folder / "edge.toml"
    path.write_text(f'[email]\nhost = "mail.example.org"\nfrom = "a@b"\n{text}{CAMERA}')
    return load(path)


def refused(folder: Path, text: str) -> str:
    with pytest.raises(ConfigFindings) as fault:
        config(folder, text)
    return str(fault.value)


def test_each_table_is_a_sink_named_after_its_first_address_and_whoever_gets_all_is_email(tmp_path: Path) -> None:
    made = config(
        tmp_path,
        'to = "all@b"\nquiet_hours = "23:00-07:00"\nthrottle_s = 10\n'
        '[[email.recipient]]\nto = "Ann <ann@x.org>"\nzones = ["path"]\nquiet_hours = []\n'
        '[[email.recipient]]\nto = ["ann@y.org", "c@d"]\nmodes = ["armed_night"]\npictures = false\n',
    )
    assert mailing.names(made) == ["email", "email:ann", "email:ann_y.org"]
    assert outlets.names(made) == mailing.names(made)
    everybody, first, second = mailing.settings(made)
    night = (Hours(1380, 420),)
    assert (everybody.to, everybody.rules) == (("all@b",), Rules(quiet_hours=night))
    assert (first.to, first.rules) == (("Ann <ann@x.org>",), Rules(zones=("path",)))
    assert (second.to, second.rules) == (
        ("ann@y.org", "c@d"),
        Rules(modes=("armed_night",), quiet_hours=night, pictures=False),
    )
    assert {each.throttle for each in (everybody, first, second)} == {10.0}


def test_recipients_with_rules_are_enough(tmp_path: Path) -> None:
    made = config(tmp_path, '[[email.recipient]]\nto = "ann@b"\n')
    assert mailing.names(made) == ["email:ann"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "`to` is missing"),
        ('to = "a@b"\n[[email.recipient]]\nto = "Me <A@B>"\n', "`a@b` is there twice"),
        ('[[email.recipient]]\nto = "c@d"\ncameras = ["proch"]\n', "did you mean `porch`?"),
        ('[[email.recipient]]\nto = "c@d"\nzones = ["road"]\n', "there is no zone `road`"),
        ('to = "a@b"\nquiet_hours = ["11pm-7am"]\n', "write `23:00-07:00`"),
        ('to = "a@b"\nquiet_hours = "foo 23:00-07:00"\n', "`foo` is no day"),
        ('to = "a@b"\nsecurity = "tls"\nstarttls = true\n', "contradicts"),
        ('to = "a@b"\nsecurity = "starttls"\nstarttls = false\n', "contradicts"),
    ],
)
def test_a_mistake_is_told_at_its_place(tmp_path: Path, text: str, words: str) -> None:
    said = refused(tmp_path, text)
    assert words in said
    assert "edge.toml:" in said


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, "starttls"),
        ({"port": 465}, "tls"),
        ({"port": 465, "security": "starttls"}, "starttls"),
        ({"starttls": False}, "none"),
        ({"port": 2465, "security": "tls"}, "tls"),
    ],
)
def test_port_465_means_tls_from_the_start_unless_said_otherwise(given: dict[str, object], found: str) -> None:
    assert EmailSettings("h", "a@b", ("c@d",), **given).encryption == found  # type: ignore[arg-type]


def test_everybodys_hours_are_those_of_the_house(tmp_path: Path) -> None:
    made = config(tmp_path, 'to = "a@b"\n[[email.recipient]]\nto = "c@d"\n[node]\ntimezone = "Asia/Kathmandu"\n')
    assert [each.zone for each in mailing.settings(made)] == [ZoneInfo("Asia/Kathmandu")] * 2


def test_the_page_answers_to_the_name_in_the_links() -> None:
    assert mailing.hosts(Web(url="https://porch.local:8099", allowed_hosts=("proxy",))) == ("proxy", "porch.local")
    assert mailing.hosts(Web()) == ()


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, None),
        ({"url": "https://porch.local:8099/"}, "https://porch.local:8099"),
        ({"url": "https://porch.local", "enabled": False}, None),
        ({"host": "192.168.1.5", "insecure": True}, "http://192.168.1.5:8099"),
        ({"host": "0.0.0.0", "insecure": True, "port": 80}, f"http://{socket.gethostname()}:80"),  # noqa: S104
    ],
)
def test_links_lead_to_where_the_page_can_be_reached(given: dict[str, object], found: str | None) -> None:
    assert mailing.page(Web(**given)) == found  # type: ignore[arg-type]
