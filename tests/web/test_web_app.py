"""The page as an app on a phone: what a browser asks for before it offers that, and what it shows when alone."""

from __future__ import annotations

import json

import cv2
import numpy as np
from playwright.sync_api import Browser, expect

from tests.support.browser import needs_chromium
from tests.web.conftest import Site, enter

pytestmark = needs_chromium


def test_the_manifest_names_icons_that_are_there_in_their_size(site: Site) -> None:
    stranger = site.another()
    manifest = json.loads(stranger.get("/static/app.webmanifest").text)
    assert (manifest["display"], manifest["start_url"], manifest["scope"]) == ("standalone", "/", "/")
    sizes = set()
    for icon in manifest["icons"]:
        answer = stranger.get(icon["src"])
        assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, icon["type"])
        if icon["type"] == "image/png":
            height, width, _ = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_UNCHANGED).shape
            assert icon["sizes"] == f"{width}x{height}"
            sizes.add((width, icon.get("purpose", "any")))
    assert sizes == {(192, "any"), (512, "any"), (512, "maskable")}
    assert 'rel="apple-touch-icon"' in stranger.get("/setup").text


def test_chromium_finds_nothing_that_keeps_it_from_being_installed(chromium: Browser, site: Site) -> None:
    context = chromium.new_context()
    page = context.new_page()
    enter(page, site)
    session = context.new_cdp_session(page)
    told = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    # A private window is all that a test's browser has; an app cannot be installed from one.
    assert [each["errorId"] for each in told] in ([], ["in-incognito"])
    context.close()


def test_a_device_that_cannot_be_reached_is_said_and_looked_for(chromium: Browser, site: Site) -> None:
    context = chromium.new_context()
    page = context.new_page()
    enter(page, site)
    page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    page.reload()
    context.set_offline(True)
    page.goto(f"{site.base}/settings")
    expect(page.get_by_role("heading", level=1)).to_have_text("The device is not reachable")
    kept = page.evaluate(
        "caches.keys().then(async names => (await Promise.all(names.map(async name =>"
        " (await (await caches.open(name)).keys()).map(each => new URL(each.url).pathname)))).flat())"
    )
    assert sorted(kept) == ["/static/app.css", "/static/away.html", "/static/away.js", "/static/icon.svg"]
    context.set_offline(False)
    expect(page.get_by_role("heading", level=1, name="not reachable")).to_have_count(0, timeout=10_000)
    context.close()


def test_a_link_from_another_site_still_needs_only_the_session(chromium: Browser, site: Site) -> None:
    context = chromium.new_context()
    page = context.new_page()
    enter(page, site)
    page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    page.reload()
    page.route("http://elsewhere.test/", lambda route: route.fulfill(body=f'<a href="{site.base}/">house</a>'))
    page.goto("http://elsewhere.test/")
    page.get_by_role("link", name="house").click()
    expect(page.locator("#alarm-state")).to_be_visible()
    context.close()
