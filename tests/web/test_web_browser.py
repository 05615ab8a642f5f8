"""The page in a real browser: what its owner does on the first day, and what it says when the device is gone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from edge.web.throttle import ONE_ADDRESS
from tests.support.browser import needs_chromium
from tests.support.house import camera, jpeg
from tests.web.conftest import PASSWORD, Opener, Site, enter

pytestmark = needs_chromium
SHADE = "canvas => canvas.getContext('2d').getImageData(5, 5, 1, 1).data[0]"


@pytest.fixture
def player() -> Iterator[Callable[[Site], None]]:
    """Lets the porch's picture grow brighter, ten times a second."""
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def play(site: Site) -> None:
        def run() -> None:
            for index in range(10_000):
                site.house.screens["porch"].show(index, jpeg(20 + index % 200))
                if stop.wait(0.1):
                    return

        threads.append(threading.Thread(target=run))
        threads[-1].start()

    yield play
    stop.set()
    for thread in threads:
        thread.join(2)


def test_the_first_day(page: Page, site: Site, player: Callable[[Site], None]) -> None:
    player(site)
    enter(page, site)
    expect(page.get_by_role("heading", level=1)).to_have_text("Armed · away")
    page.get_by_role("button", name="Disarm").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Disarmed")
    assert site.house.state["alarm"] == "disarmed"
    expect(page.get_by_role("button", name="Disarm")).to_have_attribute("aria-pressed", "true")

    tile = page.locator("[data-camera=porch]")
    expect(tile).to_have_attribute("data-state", "live")
    before = tile.locator("canvas").evaluate(SHADE)
    deadline = time.monotonic() + 10
    while tile.locator("canvas").evaluate(SHADE) == before and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    assert tile.locator("canvas").evaluate(SHADE) != before

    expect(page.get_by_text("Nothing has happened yet")).to_be_visible()
    site.house.happen(serial=7, has_snapshot=True)
    site.house.shots[site.house.rows[0]["after"]["id"]] = jpeg(99)
    event = page.locator(".event")
    expect(event).to_contain_text("Person")
    expect(event).to_contain_text("Porch")
    expect(page.locator("#said")).to_contain_text("Person, porch")
    event.get_by_role("button").click()
    expect(page.get_by_role("dialog").get_by_role("img", name="Person at porch")).to_be_visible()
    assert page.locator("#shot-image").evaluate("async image => (await image.decode(), image.naturalWidth)") == 64
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(event.get_by_role("button")).to_be_focused()


def test_a_post_without_the_csrf_token_gets_403(page: Page, home: Site) -> None:
    page.context.add_cookies([{"name": "edge-0", "value": home.browser.cookies["edge-0"], "url": home.base}])
    page.goto(home.base)
    send = """async headers => (await fetch("/api/alarm", {method: "POST", headers,
        body: JSON.stringify({mode: "disarmed", code: null})})).status"""
    assert page.evaluate(send, {}) == 403
    assert home.house.state["alarm"] == "armed_away"
    token = page.locator("meta[name=csrf]").get_attribute("content")
    assert page.evaluate(send, {"x-csrf-token": token}) == 200


def test_a_wrong_password_is_rate_limited(page: Page, home: Site) -> None:
    page.goto(home.base)
    for _ in range(ONE_ADDRESS.burst):
        page.get_by_label("Password").fill("a guess at it")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("alert")).to_have_text("That is not the password.")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("Too many tries. Wait")
    home.hands.now += 61
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(home.base + "/")


def test_a_code_is_asked_for_when_the_house_wants_one(page: Page, site: Site) -> None:
    site.house.code = "4711"
    enter(page, site)
    page.get_by_role("button", name="Disarm").click()
    pin = page.get_by_role("dialog")
    expect(pin).to_contain_text("The code is needed.")
    pin.get_by_label("Code", exact=True).fill("1111")
    pin.get_by_role("button", name="Disarm").click()
    expect(pin).to_contain_text("That is not the code.")
    pin.get_by_label("Code", exact=True).fill("4711")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Disarmed")
    expect(pin).to_have_count(0)


def test_a_picture_that_is_not_live_does_not_look_live(page: Page, site: Site, player: Callable[[Site], None]) -> None:
    site.house.screens["porch"].show(1, jpeg(100))
    enter(page, site)
    tile = page.locator("[data-camera=porch]")
    expect(tile).to_have_attribute("data-state", "live")
    expect(tile).to_have_attribute("data-state", "stale", timeout=8000)  # the camera froze
    expect(tile).to_contain_text("No new picture")
    player(site)
    expect(tile).to_have_attribute("data-state", "live")
    site.house.state["cameras"] = [camera("porch", status="offline", reason="connection refused")]
    expect(tile).to_have_attribute("data-state", "offline")
    expect(tile).to_contain_text("connection refused")
    expect(page.get_by_role("list", name="What needs attention")).to_contain_text("Camera porch is offline")


def test_why_a_camera_is_away_lies_under_nothing_on_a_phone(page: Page, site: Site) -> None:
    why = "cannot be opened: server returned 401 unauthorized (authorization failed); is it the camera's own login?"
    switches = {"enabled": True, "detect": False, "motion": True, "notifications": True, "snapshots": True}
    away = camera("porch", status="offline", reason=f"rtsp://***@192.168.1.20:554/cam/realmonitor: {why}")
    site.house.state["cameras"] = [away | {"switches": switches}]
    page.set_viewport_size({"width": 390, "height": 844})
    enter(page, site)
    tile = page.locator("[data-camera=porch]")
    expect(tile.locator(".camera__away")).to_have_text(why)
    expect(tile).not_to_contain_text("Detection off")
    expect(page.locator("#health-cameras")).not_to_contain_text("rtsp://")
    expect(page.get_by_role("list", name="What needs attention")).not_to_contain_text("rtsp://")
    measure = (
        "node => { const r = document.createRange(); r.selectNodeContents(node); return r.getBoundingClientRect(); }"
    )
    text, top, low = (
        tile.locator(each).evaluate(measure) for each in (".camera__away", ".camera__top", ".camera__low")
    )
    assert top["bottom"] <= text["top"]
    assert text["bottom"] <= low["top"]


def test_a_lost_connection_is_said_and_mends_itself(page: Page, site: Site, player: Callable[[Site], None]) -> None:
    player(site)
    enter(page, site)
    tile = page.locator("[data-camera=porch]")
    expect(tile).to_have_attribute("data-state", "live")
    page.context.set_offline(True)
    site.app.state.api.closing = True  # open streams end, as with a server that went away
    expect(page.get_by_role("alert").first).to_contain_text("Connection lost", timeout=9000)
    expect(tile).to_have_attribute("data-state", "lost")
    page.get_by_role("button", name="Home").click()
    expect(page.locator("#alarm-wrong")).to_contain_text("did not reach the device")
    site.app.state.api.closing = False
    page.context.set_offline(False)
    expect(tile).to_have_attribute("data-state", "live", timeout=15_000)
    expect(page.locator("#lost")).to_be_hidden()


def test_an_ended_session_leads_to_the_login(page: Page, site: Site) -> None:
    enter(page, site)
    expect(page.locator("#link")).to_have_text("Live")
    site.app.state.auth.change("battery staple")
    page.wait_for_url(site.base + "/login")


def test_a_house_without_cameras_says_what_to_do(page: Page, open_site: Opener) -> None:
    site = open_site()
    site.house.state |= {"engines": [], "sinks": []}
    enter(page, site)
    expect(page.get_by_text("No camera yet")).to_be_visible()
    expect(page.locator(".health")).to_contain_text("set model.name to detect people")
    expect(page.locator(".health")).to_contain_text("add [mqtt] or [email] to be told")


@pytest.mark.parametrize(
    ("kind", "key", "state", "told", "tone", "needs_attention"),
    [
        ("cameras", "status", "disabled", "disabled", "off", False),
        ("engines", "state", "up", "up", "good", False),
        ("engines", "state", "fault", "fault", "bad", True),
        ("sinks", "state", "connecting", "connecting", "warn", True),
        ("sinks", "state", "back_off", "trying again", "warn", True),
        ("sinks", "state", "fault", "fault", "bad", True),
        ("sinks", "state", "stopped", "stopped", "off", False),
    ],
)
def test_every_state_of_a_part_is_told_in_its_colour(
    page: Page, site: Site, kind: str, key: str, state: str, told: str, tone: str, needs_attention: bool
) -> None:
    site.house.state[kind][0] |= {key: state, "reason": "because"}
    enter(page, site)
    row = page.locator(f"#health-{kind} .row").first
    expect(row).to_have_attribute("data-tone", tone)
    expect(row).to_contain_text(told)
    expect(row).to_contain_text("because")
    problems = page.get_by_role("list", name="What needs attention")
    if needs_attention:
        expect(problems).to_contain_text(f"is {told}: because")
    else:
        expect(problems).to_be_hidden()


def test_what_a_device_tells_is_text_and_never_markup(page: Page, open_site: Opener) -> None:
    site = open_site(None, "porch")
    evil = "<img src=x onerror=document.title='owned'>"
    site.house.state["node"] = evil
    site.house.state["cameras"][0] |= {"status": "offline", "reason": evil}
    site.house.happen(label=evil, sub_label=evil, camera=evil, current_zones=[evil], id=f'"{evil}/../x')
    enter(page, site)
    expect(page.locator(".event")).to_contain_text("<img src=x")
    expect(page.locator("[data-camera=porch]")).to_contain_text("<img src=x")
    assert "owned" not in page.evaluate("[document.title, document.images.length].join()").replace(evil, "")


def test_nothing_runs_over_the_side(page: Page, open_site: Opener) -> None:
    site = open_site(None, "porch", "a_camera_with_quite_a_long_name_for_its_tile")
    site.house.state["cameras"][1] |= {"status": "offline", "reason": "rtsp://***@192.168.1.20/" + "x" * 80}
    site.house.happen(label="traffic_light", current_zones=["front_garden_path"] * 3, has_snapshot=True)
    enter(page, site)
    expect(page.locator(".event")).to_be_visible()
    for width, height in ((320, 640), (390, 844), (768, 1024), (1280, 800)):
        page.set_viewport_size({"width": width, "height": height})
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0, width
        mode = page.locator(".mode").first.bounding_box()
        assert mode is not None
        assert mode["y"] + mode["height"] < height, width  # the alarm is there without scrolling
        assert mode["height"] >= 44
