"""A zone drawn and a setting changed on the real daemon's page: the file is changed and the daemon runs it."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from edge.config.toml import parse
from tests.support.broker import eventually, free_port
from tests.support.browser import CHROMIUM, FLAGS
from tests.support.daemon import Daemon
from tests.web.conftest import PASSWORD

CONFIG = """
# my house
[[camera]]
name = "hall"
source = "synthetic:"
labels = ["motion"] # no model needed
"""


@pytest.mark.chromium
@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not here: apt-get install chromium")
def test_a_drawn_zone_and_a_new_camera_are_in_use_and_a_camera_that_cannot_be_is_refused(tmp_path: Path) -> None:
    port = free_port()
    daemon = Daemon(tmp_path, f"{CONFIG}[web]\nport = {port}\n").start()
    before = daemon.config.read_text()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = browser.new_page(viewport={"width": 390, "height": 844})
            page.goto(re.findall(r"http\S+", daemon.said[0])[0])
            page.get_by_label("New password").fill(PASSWORD)
            page.get_by_label("Once more").fill(PASSWORD)
            page.get_by_role("button", name="Set password").click()
            expect(page.locator("#link")).to_have_text("Live")
            page.get_by_label("Menu", exact=True).click()
            page.get_by_role("link", name="Zones and lines").click()
            expect(page.locator("#away")).to_be_hidden()
            page.get_by_role("button", name="New zone").click()
            page.get_by_role("button", name="Put it in the middle").click()
            page.get_by_role("button", name="Save").click()
            expect(page.locator("#said")).to_have_text("Stored, and in use.", timeout=30_000)
            after = daemon.config.read_text()
            assert [zone["name"] for zone in parse(after)["camera"][0]["zone"]] == ["zone_1"]
            assert [line for line in before.splitlines() if line not in after.splitlines()] == []
            eventually(lambda: daemon.watches("hall"))

            frames, begun = daemon.camera("hall")["frames"], time.monotonic() - daemon.status()["uptime_s"]
            expect(page.get_by_role("button", name="New line")).to_be_visible()
            page.get_by_role("button", name="New line").click()
            page.get_by_role("button", name="Put it in the middle").click()
            page.get_by_role("button", name="Save").click()
            expect(page.locator("#said")).to_have_text("Stored, and in use.", timeout=30_000)
            eventually(lambda: "hall: has other zones, lines, masks or filters" in daemon.log())
            expect(page.get_by_role("button", name="Save")).to_be_disabled()
            assert time.monotonic() - daemon.status()["uptime_s"] < begun + 2, "it was started anew"
            assert daemon.camera("hall")["frames"] > frames

            page.goto(f"http://127.0.0.1:{port}/settings")
            page.get_by_role("heading", name="Cameras").click()
            page.get_by_role("button", name="Add camera").click()
            page.locator('[id="field-camera[1].name"]').fill("yard")
            page.locator('[id="field-camera[1].source"]').fill("file:/nowhere.mp4")
            page.get_by_role("button", name="Save").click()
            expect(page.locator(".field__wrong").filter(visible=True)).to_contain_text("no file /nowhere.mp4")
            page.locator('[id="field-camera[1].source"]').fill("synthetic:")
            page.locator('[id="field-camera[1].labels"]').fill("motion")
            page.get_by_role("button", name="Save").click()
            expect(page.locator("#said")).to_have_text("Stored, and in use.", timeout=30_000)
            eventually(lambda: daemon.watches("yard"))
            assert "was changed by web 127.0.0.1" in daemon.log()
            browser.close()
    finally:
        daemon.kill()
