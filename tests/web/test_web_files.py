"""The page's own files: named one by one, kept by browsers until the next version, small enough for a slow link."""

from __future__ import annotations

import gzip
import re

from edge.web.files import HERE, MODULES, TYPES
from tests.web.conftest import Site

MOST = 120_000
"""Bytes of style and script of one page, as they are in the files."""


def test_every_file_is_served_and_nothing_else(site: Site) -> None:
    assert sorted(path.name for path in (HERE / "static").iterdir()) == sorted(TYPES)
    for name, kind in TYPES.items():
        answer = site.browser.get(f"/static/{name}")
        assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, kind)
    assert site.browser.get("/static/..%2fauth.py").status_code == 404


def test_scripts_import_one_another_by_the_address_that_the_page_names(home: Site) -> None:
    page = home.browser.get("/").text
    named = dict(re.findall(r'/static/([a-z]+\.js)\?v=(\w+)"', page))
    assert set(named) == {"app.js", *MODULES}
    for name in named:
        imported = re.findall(r'from "\./([a-z]+\.js)([^"]*)"', home.browser.get(f"/static/{name}").text)
        for other, version in imported:
            assert version == f"?v={named[other]}", (name, other)


def test_a_house_page_is_light(home: Site) -> None:
    files = set(re.findall(r"/static/([a-z]+\.(?:js|css))", home.browser.get("/").text))
    assert sum(len(home.browser.get(f"/static/{name}").content) for name in files) < MOST


def test_files_are_compressed_for_those_who_take_that(site: Site) -> None:
    client = site.another()
    plain = client.get("/static/app.css", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.headers["vary"] == "accept-encoding"
    with client.stream("GET", "/static/app.css", headers={"accept-encoding": "gzip"}) as packed:
        body = b"".join(packed.iter_raw())
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(body) == plain.content
    assert len(body) < len(plain.content) / 2
