"""Credentials are masked wherever a URL is shown."""

from __future__ import annotations

import re
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config.redact import redact
from edge.config.secrets import UnknownSecret, fill_in, find_secret, mask_url
from edge.config.source import with_login

WORD = st.text("abcdefgXYZ019!$%&()*+,-.;=@:/?~", min_size=4, max_size=12)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("rtsp://cam/1", "rtsp://cam/1"),
        ("rtsp://me:pw@cam/1", "rtsp://***@cam/1"),
        ("rtsp://me:p@ss/w@cam:554/1", "rtsp://***@cam:554/1"),
        ("cannot open rtsp://me:pw@cam/1: timed out", "cannot open rtsp://***@cam/1: timed out"),
        ("rtsp://cam/1?user=me&Password=x&channel=2", "rtsp://cam/1?user=***&Password=***&channel=2"),
        ("rtsp://cam/1?password=a&b&channel=2", "rtsp://cam/1?password=***&channel=2"),
        ("rtsp://cam:554/user=me_password=tlJwpbo6_channel=1_stream=0.sdp?real_stream", "rtsp://cam:554/user=***"),
        ("rtsp://[fe80::1]:554/x_password=a@b_channel=1", "rtsp://[fe80::1]:554/x_password=***"),
        ("rtsp://me:pw@cam:554/user=me_password=a@b_channel=1", "rtsp://***@cam:554/user=***"),
        ("rtsp://me:p/user=x@cam/1", "rtsp://***"),
        ("http://cam/v.cgi?loginuse=me&loginpas=x&res=1", "http://cam/v.cgi?loginuse=***&loginpas=***&res=1"),
        ("rtsp://cam/1?pw=x&u=me", "rtsp://cam/1?pw=***&u=***"),
        ("rtsp://cam/1?channel=2&up=1", "rtsp://cam/1?channel=2&up=1"),
        ("me@example.org", "me@example.org"),
    ],
)
def test_credentials_are_masked(text: str, masked: str) -> None:
    assert mask_url(text) == masked


@given(WORD, WORD)
def test_no_login_survives_masking(user: str, password: str) -> None:
    shown = mask_url(f"opening rtsp://{user}:{password}@CAM/live failed")
    assert shown == "opening rtsp://***@CAM/live failed"


@given(
    st.text("QXYZ0!$%()*+,-.;=@:/?~_&", min_size=5, max_size=12).filter(
        lambda secret: not re.search("&[^&]*=", secret)
    ),
    st.sampled_from(
        ["/user=me_password=", "/1?Password=", "/?a=1&pw=", "/v;loginpas=", "/?x=1&api-key=", "?user_token="]
    ),
    st.sampled_from(["", "&channel=1"]),
)
def test_no_secret_in_a_path_or_query_survives_and_the_host_does(secret: str, key: str, more: str) -> None:
    shown = mask_url(f"no answer: rtsp://cam-7.lan:8554{key}{secret}{more}")
    assert secret not in shown
    assert shown.startswith("no answer: rtsp://cam-7.lan:8554")
    assert shown.endswith(("***", more or "***"))


def test_a_hostile_text_does_not_take_long() -> None:
    begun = time.perf_counter()
    for part in ("_pas", "/u", "://", "password", "a@", "&"):
        mask_url("rtsp://" + part * 5000)
    assert time.perf_counter() - begun < 2


@pytest.mark.parametrize("text", ["# password: {}", "# Passwort = {}", 'pwd = {} "', "x = {{password = {}", "# pw: {}"])
@given(secret=st.text("QXYZ0!$%()*+,-.;=@:/?~_&'#", min_size=5, max_size=12))
def test_no_secret_in_a_comment_or_a_broken_line_survives_redaction(text: str, secret: str) -> None:
    shown = redact(f"[node]\n{text.format(secret)}\nname = 'x'\n")
    assert secret not in shown
    if not secret.startswith("'''"):  # a string of many lines that nobody ends: all of it goes
        assert "name = 'x'" in shown


def test_what_stands_beside_a_masked_value_stays_readable() -> None:
    shown = redact(
        'mqtt = { host = "a", password = "s3,cret", port = 1883 }\nemail = { password = "${PW}", host = "b" }\n'
    )
    assert shown == 'mqtt = { host = "a", password = ***, port = 1883 }\nemail = { password = "${PW}", host = "b" }\n'


@given(st.text(min_size=1), st.text(min_size=1))
def test_any_login_fits_into_a_url(user: str, password: str) -> None:
    try:
        url = with_login("rtsp://old:login@cam:554/live?x=1", user, password)
    except UnicodeEncodeError:  # a lone surrogate is no text that a file could hold
        return
    parts = urlsplit(url)
    assert (parts.hostname, parts.port, parts.path, parts.query) == ("cam", 554, "/live", "x=1")


def test_a_secret_file_loses_one_line_end_only(tmp_path: Path) -> None:
    (tmp_path / "PW").write_text(" x \n\n")
    assert find_secret("PW", {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == " x \n"


def test_the_environment_goes_first(tmp_path: Path) -> None:
    (tmp_path / "PW").write_text("file")
    assert find_secret("PW", {"CREDENTIALS_DIRECTORY": str(tmp_path), "PW": "environment"}) == "environment"


def test_a_secret_that_nobody_has_is_named() -> None:
    with pytest.raises(UnknownSecret, match="NO_SUCH_SECRET"):
        fill_in("a ${NO_SUCH_SECRET} b")


def test_a_secret_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    (tmp_path / "PW").mkdir()
    (tmp_path / "BINARY").write_bytes(b"\xff")
    for name, said in (("PW", "Is a directory"), ("BINARY", "UTF-8")):
        with pytest.raises(UnknownSecret, match=said):
            find_secret(name, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
