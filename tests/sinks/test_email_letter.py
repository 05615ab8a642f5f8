"""What a mail says, how large it is, and that no name in it can become a header."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.hours import parse
from edge.sinks.email import photos
from edge.sinks.email.alert import Alert
from edge.sinks.email.calls import call_of
from edge.sinks.email.letter import compose, subject
from edge.sinks.email.photos import Photo, choose
from edge.sinks.email.settings import EmailSettings, Rules
from edge.types import ActivityKind
from tests.sinks.test_email import noise
from tests.support import figures
from tests.support.mailbox import message

NIGHT = datetime(2025, 6, 3, 2, 14, 5)


@pytest.fixture(autouse=True, scope="module")
def utc() -> Iterator[None]:
    """The zone of the machine must not matter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def at(minutes: float = 0.0) -> float:
    return (NIGHT + timedelta(minutes=minutes)).timestamp()


def settings(**given: Any) -> EmailSettings:
    return EmailSettings("host", "Edge <edge@example.org>", ("ann@example.org",), **given)


def mail(alert: Alert, *pictures: Photo, **given: Any) -> EmailMessage:
    """As a mail program reads it."""
    clip = given.pop("clip", False)
    sent = compose(alert, settings(**given), alert.at + 1, pictures, clip=clip).as_bytes()
    read = message_from_bytes(sent, policy=default)
    assert isinstance(read, EmailMessage)
    return read


def text(read: EmailMessage) -> str:
    body = read.get_body()
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("given", "title", "first"),
    [
        ({}, "Person at porch, 02:14:05", "Person seen by camera porch"),
        ({"sub_label": "ann"}, "Person (ann) at porch, 02:14:05", "Person (ann) seen by camera porch"),
        ({"current_zones": ("front_path",)}, "Person at porch, 02:14:05", "Person seen by camera porch, front path"),
        ({"label": "tamper", "sub_label": "covered"}, "Camera porch covered, 02:14:05", "Camera porch: covered"),
        ({"label": "tamper"}, "Camera porch tampered with, 02:14:05", "Camera porch: tampered with"),
        ({"label": "alarm", "sub_label": "panic", "camera": "bar"}, "ALARM: panic, 02:14:05", "Alarm of bar: panic"),
        (
            {"label": "alarm", "sub_label": "triggered: person at yard", "camera": "pi"},
            "ALARM: triggered: person at yard, 02:14:05",
            "Alarm of pi: person at yard",
        ),
        (
            {"label": "alarm", "sub_label": "armed, but hall is covered", "camera": "bar"},
            "Armed, but hall is covered, 02:14:05",
            "Alarm of bar: armed, but hall is covered",
        ),
        (
            {"label": "engine", "sub_label": "no engine serves: the stick is gone", "camera": "bar"},
            "Engine at bar, 02:14:05",
            "Engine of bar: no engine serves: the stick is gone",
        ),
    ],
)
def test_subject_and_first_line_say_what_happened(given: dict[str, Any], title: str, first: str) -> None:
    read = mail(Alert(message(1, at(), **given)))
    assert read["Subject"] == title
    assert text(read).splitlines()[0] == first


def test_the_mail_of_an_alarm_says_once_that_it_is_triggered() -> None:
    said = text(mail(Alert(message(1, at(), label="alarm", sub_label="triggered: person at yard", armed="triggered"))))
    assert "riggered" not in said


@pytest.mark.parametrize("label", ["tamper", "motion", "alarm", "engine"])
def test_what_no_model_saw_has_no_score_in_its_mail(label: str) -> None:
    said = text(mail(Alert(message(1, at(), label=label))))
    assert "Score" not in said
    assert "Alarm armed away" in said


def test_one_link_leads_to_the_event_with_its_clip_where_there_is_one() -> None:
    alert = Alert(message(1, at(), object_id="1748909645-abc123"))
    assert "http" not in text(mail(alert))
    said = text(mail(alert, page="https://porch.local:8099"))
    assert "Look: https://porch.local:8099/#event=1748909645-abc123\n" in said
    said = text(mail(alert, page="https://porch.local:8099", clip=True))
    assert "Clip: https://porch.local:8099/#event=1748909645-abc123\n" in said
    assert said.count("http") == 1  # the file itself needs a session: a phone without one would get JSON


def test_what_was_held_back_is_counted_by_label_and_zone() -> None:
    older = [Alert(message(n, at(n), current_zones=("path",) if n < 3 else ())) for n in range(1, 4)]
    older.append(Alert(message(4, at(4), label="bus")))
    read = mail(Alert(message(5, at(5))).telling(*older))
    assert read["Subject"] == "Person at porch, 02:19:05 (and 4 more)"
    assert "also 4 more: 3 persons (2 in path), 1 bus\n  02:15:05 person, path\n" in text(read)


def test_times_are_those_of_the_house_whatever_the_machines() -> None:
    alert = Alert(message(2, at(1))).telling(Alert(message(1, at())))
    read = mail(alert, zone=ZoneInfo("Europe/Berlin"))
    assert read["Subject"].startswith("Person at porch, 04:15:05")
    assert read["Date"].endswith("04:15:06 +0200")
    assert "Tuesday 03 June 2025, 04:15:05" in text(read)
    assert "  04:14:05 person" in text(read)


def test_the_mail_at_the_end_of_quiet_hours_counts_for_each_camera() -> None:
    older = [Alert(message(n, at(n), camera="porch" if n % 2 else "yard")) for n in range(14)]
    read = mail(Alert(message(15, at(20), label="cat"), kind="night").telling(*older))
    assert read["Subject"] == "Quiet hours, 02:14 to 02:34: 14 persons, 1 cat"
    said = text(read)
    assert "  yard: 7 persons\n  porch: 7 persons, 1 cat\n" in said
    assert "  02:34:05 cat, porch\n  and 5 before\n" in said


def test_the_mail_once_it_is_quiet_tells_the_whole_disturbance() -> None:
    first, second, third = (Alert(message(n, at(8 * n))) for n in range(3))
    alert = Alert(third.message, (second.told,), "quiet", at(18), (first.told,))
    read = mail(alert)
    assert read["Subject"] == "Quiet at porch since 02:32: 3 persons since 02:14"
    assert "Camera porch is quiet since 02:32:05." in text(read)
    assert "Between 02:14 and 02:30: 3 persons; 2 of them not mailed before:" in text(read)


def test_a_clock_that_is_not_set_is_said_where_quiet_hours_are_wanted() -> None:
    alert = Alert(message(1, at(), clock_ok=False))
    assert "quiet hours are not kept" in text(mail(alert, rules=Rules(quiet_hours=(parse("23:00-07:00"),))))
    assert "quiet hours" not in text(mail(alert))


def test_recipients_with_rules_of_their_own_get_a_mail_with_an_id_of_its_own() -> None:
    alert = Alert(message(1, at()))
    ids = {mail(alert, name=name)["Message-ID"] for name in ("email", "email:ann", "email:bob@example.org")}
    assert ids == {
        "<boot-porch-1@bar.edge.invalid>",
        "<boot-porch-1.ann@bar.edge.invalid>",
        "<boot-porch-1.bob_example.org@bar.edge.invalid>",
    }


def test_old_news_says_so_and_a_long_subject_is_cut() -> None:
    alert = Alert(message(1, at()))
    assert subject(alert, at(10), timezone.utc).startswith("Late: Person at porch")
    assert len(subject(Alert(message(1, at(), sub_label="x" * 5000)), at(), timezone.utc)) <= 150


def stored(folder: Path, name: str, size: tuple[int, int] = (320, 240)) -> Path:
    path = folder / f"{name}.jpg"
    path.write_bytes(noise(*size))
    return path


def test_three_large_pictures_stay_below_the_size_of_a_mail(tmp_path: Path) -> None:
    paths = [stored(tmp_path, f"{n}", (1920, 1080)) for n in range(3)]
    chosen = choose(Alert(message(1, at())), lambda _: paths)
    assert len(chosen) == 3
    read = mail(Alert(message(1, at())), *chosen)
    assert len(bytes(read)) < 500_000
    assert len({part.get_filename() for part in read.iter_attachments()}) == 3
    assert {part.get_content_disposition() for part in read.iter_attachments()} == {"inline"}


def test_others_that_are_told_bring_their_best_picture(tmp_path: Path) -> None:
    kept = {
        "own": [stored(tmp_path, name) for name in ("own-1", "own-2", "own")],
        "weak": [stored(tmp_path, "weak")],
        "strong": [stored(tmp_path, "strong-1"), stored(tmp_path, "strong")],
    }
    older = [
        Alert(message(1, at(1), object_id="weak", top_score=0.6)),
        Alert(message(2, at(2), object_id="strong", top_score=0.9)),
        Alert(message(3, at(3), object_id="bare", top_score=0.99)),
    ]
    alert = Alert(message(4, at(4), object_id="own")).telling(*older)
    wanted = [kept["own"][0], kept["own"][2], kept["strong"][1]]
    chosen = choose(alert, lambda name: kept.get(name, []))
    assert [photo.jpeg for photo in chosen] == [path.read_bytes() for path in wanted]
    assert photos.read(tmp_path / "absent.jpg") is None


HOSTILE = st.text(max_size=60) | st.sampled_from(
    ["x\r\nBcc: evil@example.org", "a\nb", "\x1b[2J", "\ud800", "=?utf-8?q?=0AX:?=", "\u2028Bcc: x", "a" * 3000]
)


@hypothesis.settings(deadline=None)
@given(HOSTILE, HOSTILE, HOSTILE, st.sampled_from(["person", "alarm", "tamper", "engine"]))
def test_no_name_becomes_a_header_or_a_line_of_its_own(label: str, camera: str, said: str, kind: str) -> None:
    alert = Alert(
        message(1, at(), label=kind, camera=camera, sub_label=said, current_zones=(label,), entered_zones=(label,))
    )
    alert = alert.telling(Alert(message(2, at(), label=label, camera=camera)))
    photo = Photo(b"picture", at(), camera)
    read = message_from_bytes(compose(alert, settings(), at(), [photo]).as_bytes(), policy=default)
    usual = mail(Alert(message(1, at())), photo)
    assert sorted(read.keys()) == sorted(usual.keys())
    assert read["To"] == "ann@example.org"
    assert all(ord(letter) >= 32 for letter in read["Subject"])
    assert not any(line.startswith("Bcc") for line in text(read).splitlines())  # type: ignore[arg-type]


def test_long_lines_and_letters_beyond_ascii_travel_in_seven_bits_and_short_lines() -> None:
    older = [Alert(message(n, at(n), label=f"label_{n}_with_a_long_name")) for n in range(80)]
    sent = compose(Alert(message(99, at(99), sub_label="Jürgen")).telling(*older), settings(), at(99)).as_bytes()
    assert sent.isascii()
    assert max(map(len, sent.splitlines())) <= 998
    read = message_from_bytes(sent, policy=default)
    assert "Person (Jürgen) seen by camera porch" in text(read)  # type: ignore[arg-type]


FALL = figures.body("lying", 1.0, activity=figures.doing("fall", NIGHT.timestamp() - 6.0, NIGHT.timestamp() - 4.0))


def called(**given: Any) -> Alert:
    told = message(1, at(), "update", body=FALL, **given)
    return Alert(told, call=call_of(told.payload, Rules(calls=("fall",))))


def test_a_fall_is_read_on_the_lock_screen_and_promises_nothing() -> None:
    read = mail(called(camera="hall", armed="disarmed", current_zones=("stairs",)))
    assert read["Subject"] == "Fall: hall camera, 02:13:59"
    lines = text(read).splitlines()
    assert lines[0] == "Somebody has fallen: camera hall, stairs, since 02:13:59."
    assert "Alarm disarmed" in lines
    assert "no medical device" in text(read)


@pytest.mark.parametrize(
    ("given", "rules", "wanted"),
    [
        ({"armed": "disarmed"}, {}, True),
        ({"armed": "armed_away"}, {"modes": ("armed_night",)}, True),
        ({"armed": "disarmed"}, {"calls_when": "armed"}, False),
        ({"armed": "armed_home"}, {"calls_when": "armed"}, True),
        ({}, {"calls": ("lying",)}, False),
        ({"notify": False}, {}, False),
        ({"camera": "hall"}, {"cameras": ("porch",)}, False),
        ({}, {"labels": ("dog",)}, False),
        ({}, {"zones": ("stairs",)}, False),
        ({"current_zones": ("stairs",)}, {"zones": ("stairs",)}, True),
    ],
)
def test_a_fall_is_no_burglary(given: dict[str, Any], rules: dict[str, Any], wanted: bool) -> None:
    told = message(1, at(), "update", body=FALL, **given)
    assert (call_of(told.payload, Rules(**{"calls": ("fall",), **rules})) is not None) is wanted


def test_a_fall_that_is_not_sure_calls_nobody() -> None:
    unsure = figures.body("lying", 1.0, activity=figures.doing("fall", 1.0))
    assert call_of(message(1, at(), "update", body=unsure).payload, Rules(calls=("fall",))) is None
    assert call_of(message(1, at(), "update").payload, Rules(calls=("fall",))) is None


def test_each_kind_of_call_has_its_words() -> None:
    for kind in get_args(ActivityKind):
        told = message(1, at(), "update", body=figures.body(activity=figures.doing(kind, at(), at())))
        read = mail(Alert(told, call=call_of(told.payload, Rules(calls=(kind,)))))
        assert "porch camera" in read["Subject"]
