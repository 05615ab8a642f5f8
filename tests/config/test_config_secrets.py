"""Credentials are masked wherever a URL is shown."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
        ("me@example.org", "me@example.org"),
    ],
)
def test_credentials_are_masked(text: str, masked: str) -> None:
    assert mask_url(text) == masked


@given(WORD, WORD)
def test_no_login_survives_masking(user: str, password: str) -> None:
    shown = mask_url(f"opening rtsp://{user}:{password}@CAM/live failed")
    assert shown == "opening rtsp://***@CAM/live failed"


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
