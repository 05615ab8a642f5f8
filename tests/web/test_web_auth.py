"""Who comes in: the first token, the password, sessions."""

from __future__ import annotations

import json
import math
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import StorageError
from edge.web.app import build, first_url
from edge.web.auth import SESSION_S, SESSIONS, Auth, weakness
from edge.web.settings import WebSettings
from edge.web.throttle import ALL_ADDRESSES, ONE_ADDRESS, Throttle
from tests.support.house import MemoryHouse
from tests.support.stand_ins import Hands
from tests.web.conftest import PASSWORD, Opener, Site


def test_the_printed_token_sets_the_password_once(site: Site) -> None:
    token = site.app.state.auth.first_token()
    assert site.browser.get("/").headers["location"] == "/setup"
    assert token in str(first_url(site.app, site.settings, site.port))
    answer = site.set_password()
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert site.browser.get("/").status_code == 200
    assert site.app.state.auth.first_token() is None
    assert first_url(site.app, site.settings, site.port) is None
    assert not site.app.state.auth.set_first(token, "another password")


def test_a_wrong_token_sets_nothing(site: Site) -> None:
    form = {"token": "guess", "password": PASSWORD, "again": PASSWORD, "csrf": site.csrf("/setup")}
    answer = site.browser.post("/setup", data=form)
    assert answer.status_code == 403
    assert "not the token" in answer.text
    assert site.browser.get("/api/status").status_code == 401


def test_an_unfit_password_is_refused_in_words(site: Site) -> None:
    token = site.app.state.auth.first_token()
    csrf = site.csrf("/setup")
    for password, again, why in (
        ("short", "short", "at least 8"),
        ("aaaaaaaaaa", "aaaaaaaaaa", "repeats"),
        (PASSWORD, "other one", "differ"),
    ):
        form = {"token": token, "password": password, "again": again, "csrf": csrf}
        answer = site.browser.post("/setup", data=form)
        assert answer.status_code == 422
        assert why in answer.text
        assert token in answer.text  # it need not be typed again


def test_the_cookie_is_for_this_page_alone(site: Site) -> None:
    cookie = site.set_password().headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie


def test_a_wrong_password_is_refused_then_slowed_down(home: Site) -> None:
    thief = home.another()
    for _ in range(ONE_ADDRESS.burst):
        assert home.log_in("wrong", thief).status_code == 403
    slowed = home.log_in(PASSWORD, thief)  # even the right one: no guess is looked at
    assert slowed.status_code == 429
    assert 0 < int(slowed.headers["retry-after"]) <= ONE_ADDRESS.every + 1
    assert home.browser.get("/").status_code == 200  # who is in stays in
    home.hands.now += ONE_ADDRESS.every
    assert home.log_in(PASSWORD, thief).status_code == 303


def test_strangers_who_guess_keep_out_nobody_who_was_in_before(home: Site) -> None:
    assert home.browser.post("/logout", data={"csrf": home.csrf()}).status_code == 303
    stranger = home.another()
    while home.log_in("wrong", stranger).status_code != 429:
        pass
    assert home.log_in().status_code == 303  # from the very same address
    assert home.log_in(PASSWORD, stranger).status_code == 429


def test_a_browser_that_was_in_before_has_few_guesses_too(home: Site) -> None:
    assert home.browser.post("/logout", data={"csrf": home.csrf()}).status_code == 303
    codes = [home.log_in("wrong").status_code for _ in range(ONE_ADDRESS.burst + 1)]
    assert codes == [403] * ONE_ADDRESS.burst + [429]


def test_a_browser_is_known_over_a_restart_until_another_password_is_set(tmp_path: Path) -> None:
    first = Auth(tmp_path, Hands())
    assert first.recognise(first.mark()) == ""
    assert first.set_first(str(first.first_token()), PASSWORD)
    mark = first.mark()
    again = Auth(tmp_path, Hands())
    name = again.recognise(mark)
    assert name
    for forged in ("", ".", name, f"{name}.", f"{name[::-1]}.{mark.partition('.')[2]}", "é.é"):
        assert again.recognise(forged) == ""
    assert not again.knows(mark)
    again.change("battery staple")
    assert again.recognise(mark) == ""


def test_log_out_ends_the_session_for_good(home: Site) -> None:
    cookies = dict(home.browser.cookies)
    assert home.browser.post("/logout", data={"csrf": home.csrf()}).status_code == 303
    assert home.browser.get("/api/status").status_code == 401
    again = home.another()
    again.cookies.update(cookies)
    assert again.get("/api/status").status_code == 401
    assert home.log_in().headers["location"] == "/"


def test_a_new_password_ends_every_other_session(home: Site) -> None:
    other = home.another()
    assert home.log_in(client=other).status_code == 303
    form = {"current": PASSWORD, "password": "battery staple", "again": "battery staple", "csrf": home.csrf()}
    assert home.browser.post("/password", data={**form, "current": "wrong"}).status_code == 403
    assert home.browser.post("/password", data=form).status_code == 303
    assert home.browser.get("/api/status").status_code == 200
    assert other.get("/api/status").status_code == 401
    assert home.log_in(client=other).status_code == 403
    assert home.log_in("battery staple", other).status_code == 303


def test_a_session_outlives_a_restart_and_ends_in_time(tmp_path: Path) -> None:
    hands = Hands()
    first = Auth(tmp_path, hands)
    assert first.set_first(str(first.first_token()), PASSWORD)
    secret = first.enter()
    second = Auth(tmp_path, hands)
    assert second.first_token() is None
    assert second.verify(PASSWORD)
    assert second.knows(secret)
    hands.now += SESSION_S + 1
    assert not second.knows(secret)


def test_the_file_is_private_and_holds_no_secret(tmp_path: Path) -> None:
    auth = Auth(tmp_path, Hands())
    assert auth.set_first(str(auth.first_token()), PASSWORD)
    secrets = [auth.enter() for _ in range(SESSIONS + 3)]
    file = tmp_path / "web.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text()
    assert PASSWORD not in text
    assert not any(secret in text for secret in secrets)
    assert len(json.loads(text)["sessions"]) == SESSIONS
    assert list(tmp_path.iterdir()) == [file]
    assert auth.knows(secrets[-1])


def test_deleting_the_file_brings_a_new_token(tmp_path: Path) -> None:
    auth = Auth(tmp_path, Hands())
    old = auth.first_token()
    assert auth.set_first(str(old), PASSWORD)
    secret = auth.enter()
    (tmp_path / "web.json").unlink()
    anew = Auth(tmp_path, Hands())
    assert anew.first_token() not in (None, old)
    assert not anew.verify(PASSWORD)
    assert not anew.knows(secret)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"password": 1}', '{"password": {"salt": "zz"}}'])
def test_a_damaged_file_is_one_clear_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "web.json").write_text(text)
    with pytest.raises(StorageError, match=r"web\.json is damaged: delete it"):
        build(MemoryHouse(), WebSettings(), tmp_path)


def test_a_full_disk_keeps_the_old_password(home: Site, tmp_path: Path) -> None:
    token = home.csrf()
    before = (tmp_path / "web.json").read_text()
    (tmp_path / "web.json").rename(tmp_path / "held")
    (tmp_path / "web.json").mkdir()  # a rename onto a folder fails, for root too
    form = {"current": PASSWORD, "password": "battery staple", "again": "battery staple", "csrf": token}
    answer = home.browser.post("/password", data=form)
    assert answer.status_code == 507
    assert "cannot be written" in answer.text
    assert home.app.state.auth.verify(PASSWORD)
    assert home.browser.get("/api/status").status_code == 200
    assert (tmp_path / "held").read_text() == before
    assert not list(tmp_path.glob(".web-*"))


def test_many_addresses_together_are_slowed_down_too() -> None:
    hands = Hands()
    throttle = Throttle(hands)
    for number in range(ALL_ADDRESSES.burst):
        assert throttle.take(f"192.0.2.{number}") == 0.0
    assert throttle.take("198.51.100.1") > 0.0
    hands.now += ALL_ADDRESSES.every
    assert throttle.take("198.51.100.1") == 0.0


def test_addresses_of_one_household_count_as_one() -> None:
    throttle = Throttle(Hands())
    for number in range(ONE_ADDRESS.burst):
        assert throttle.take(f"2001:db8::{number:x}") == 0.0
    assert throttle.take("2001:db8::ffff") > 0.0
    assert throttle.take("2001:db8:0:1::1") == 0.0
    for _ in range(ONE_ADDRESS.burst):
        assert throttle.take("192.0.2.1") == 0.0
    assert throttle.take("::ffff:192.0.2.1") > 0.0


def test_a_page_on_all_addresses_of_both_kinds_names_those_of_ipv4_as_people_do(open_site: Opener) -> None:
    site = open_site(WebSettings(host="::", port=0), "porch")
    site.set_password()
    assert site.set_alarm("disarmed").status_code == 200
    assert "disarm by web 127.0.0.1" in site.house.log


@settings(max_examples=60)
@given(st.lists(st.floats(0, 300), max_size=40))
def test_no_rhythm_of_guesses_beats_the_rate(pauses: list[float]) -> None:
    hands = Hands()
    throttle = Throttle(hands)
    start, let = hands.now, 0
    for pause in pauses:
        hands.now += pause
        let += throttle.take("192.0.2.1") == 0.0
    assert let <= ONE_ADDRESS.burst + (hands.now - start) / ONE_ADDRESS.every + 1e-6


@given(st.text(min_size=8, max_size=200).filter(lambda text: len(set(text)) >= 4))
def test_any_long_enough_password_is_welcome(password: str) -> None:
    assert weakness(password) is None


def test_a_password_that_is_no_text_is_a_wrong_one(home: Site) -> None:
    assert not home.app.state.auth.verify("\ud800")


def test_a_session_of_a_clock_that_was_ahead_is_not_fresh(tmp_path: Path) -> None:
    hands = Hands()
    auth = Auth(tmp_path, hands)
    assert auth.set_first(auth.first_token() or "", PASSWORD)
    secret = auth.enter()
    hands.now -= 86400
    assert auth.knows(secret)
    assert auth.age(secret) == math.inf
    auth.renew(secret)
    assert auth.age(secret) == 0
