"""The real daemon's page in a real browser: from the printed address to an event that appears."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.support.broker import eventually, free_port
from tests.support.browser import CHROMIUM, FLAGS
from tests.support.daemon import Daemon
from tests.web.test_web_browser import SHADE

PASSWORD = "correct horse"

CONFIG = """
[alarm]
armed_at_first_start = true
labels = ["tamper"]  # else what moves would set it off
[[camera]]
name = "hall"
source = "synthetic:"
labels = ["motion"]
"""


@pytest.mark.chromium
@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not here: apt-get install chromium")
def test_the_owner_logs_in_disarms_sees_the_picture_move_and_an_event_appear(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, f"{CONFIG}[web]\nport = {free_port()}\n").start()
    try:
        address = re.findall(r"http\S+", daemon.said[0])[0]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = browser.new_page(viewport={"width": 390, "height": 844})
            page.goto(address)
            page.get_by_label("New password").fill(PASSWORD)
            page.get_by_label("Once more").fill(PASSWORD)
            page.get_by_role("button", name="Set password").click()
            expect(page.get_by_role("heading", level=1)).to_have_text("Armed · away")
            page.get_by_role("button", name="Disarm").click()
            expect(page.get_by_role("heading", level=1)).to_have_text("Disarmed")
            eventually(lambda: daemon.status()["alarm"] == "disarmed")

            canvas = page.locator("[data-camera=hall] canvas")
            expect(page.locator("[data-camera=hall]")).to_have_attribute("data-state", "live")
            before = canvas.evaluate("canvas => canvas.toDataURL()")
            deadline = time.monotonic() + 10
            while canvas.evaluate("canvas => canvas.toDataURL()") == before and time.monotonic() < deadline:
                page.wait_for_timeout(50)
            assert canvas.evaluate("canvas => canvas.toDataURL()") != before
            assert canvas.evaluate(SHADE) > 0

            page.get_by_label("Switches of hall").click()
            page.get_by_role("switch", name="Notifications").uncheck()
            eventually(lambda: daemon.status()["cameras"][0]["switches"]["notifications"] is False)
            expect(page.locator("[data-camera=hall]")).to_contain_text("Notifications off")
            page.locator("h1").click()

            event = page.locator(".event").first
            expect(event).to_contain_text("Motion", timeout=20_000)
            event.get_by_role("button").click()
            expect(page.locator("#shot-image")).to_be_visible()
            expect(page.locator("#shot-image")).to_have_js_property("naturalWidth", 640)  # a better one may replace it
            page.get_by_role("button", name="This was nothing").click()
            expect(page.get_by_role("button", name="It was something after all")).to_be_visible()
            page.keyboard.press("Escape")
            expect(page.locator(".event[data-nothing=true]")).to_have_count(1)
            expect(page.get_by_role("img", name="Hall: ")).to_be_visible()
            page.get_by_role("button", name="Filter").click()
            page.get_by_role("combobox", name="What").select_option("motion")
            page.get_by_role("switch", name="While armed only").check()  # as it was when the first of it was told
            expect(page.locator(".event[data-nothing=true]")).to_have_count(1)
            browser.close()
    finally:
        daemon.kill()
