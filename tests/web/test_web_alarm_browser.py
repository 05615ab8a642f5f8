"""The alarm's panel in a real browser: delays that run, the keypad, panic, and the log."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from edge.web.throttle import ONE_ADDRESS
from tests.support.broker import eventually
from tests.support.browser import needs_chromium
from tests.web.conftest import Site, enter

pytestmark = needs_chromium


def detail(**more: Any) -> dict[str, Any]:
    """`alarm_detail` of a house with a code that is not wanted for arming."""
    calm = {"mode": "away", "until_s": None, "cause": None, "by": "Anna", "since": time.time(), "next": None}
    return {**calm, "locked_s": 0, "code": True, "code_to_arm": False, "fault": None, **more}


class Orders:
    """Answers `/api/alarm` in the house's place, and keeps what was asked."""

    def __init__(self, page: Page, site: Site) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answer: tuple[int, dict[str, str], dict[str, Any]] = (200, {}, site.house.state)
        page.route("**/api/alarm", self.take)

    def take(self, route: Route) -> None:
        self.asked.append(json.loads(route.request.post_data or ""))
        status, headers, body = self.answer
        route.fulfill(status=status, headers=headers, content_type="application/json", body=json.dumps(body))


def test_the_delays_count_down(page: Page, site: Site) -> None:
    site.house.state |= {"alarm": "arming", "alarm_detail": detail(until_s=75.0)}
    enter(page, site)
    timer = page.get_by_role("timer")
    expect(page.get_by_role("heading", level=1)).to_have_text("Arming…")
    expect(timer).to_have_text("1:15")
    expect(page.locator("#alarm-hint")).to_have_text("Leave now.")
    expect(page.get_by_role("button", name="Away")).to_have_attribute("aria-pressed", "true")
    site.house.state |= {"alarm": "arming", "alarm_detail": detail(mode="night", until_s=75.0)}
    expect(page.locator("#alarm-hint")).to_have_text("Armed when the time is up.")
    site.house.state |= {"alarm": "pending", "alarm_detail": detail(until_s=30.0, cause="person at porch")}
    expect(timer).to_have_text("30")
    expect(page.locator("#alarm-hint")).to_have_text("Person at porch. Disarm, or the alarm goes off.")
    site.house.state |= {"alarm": "armed_away", "alarm_detail": detail()}
    expect(timer).to_be_hidden()


@pytest.mark.parametrize("state", ["pending", "triggered"])
def test_an_alarm_stays_in_sight_and_one_tap_ends_it(page: Page, site: Site, state: str) -> None:
    site.house.state |= {"alarm": state, "alarm_detail": detail(code=False)}
    for number in range(30):
        site.house.happen(serial=number)
    enter(page, site)
    expect(page.locator(".event")).to_have_count(30)
    page.locator(".health").scroll_into_view_if_needed()
    expect(page.get_by_role("button", name="Disarm")).to_be_in_viewport()
    expect(page.get_by_role("button", name="Home")).to_be_hidden()
    page.get_by_role("button", name="Disarm").click()
    expect(page.locator("#alarm")).to_have_attribute("data-state", "disarmed")
    assert site.house.log == ["disarm by web 127.0.0.1"]


def test_armed_says_which_cameras_cannot_see(page: Page, site: Site) -> None:
    blind = [{"camera": "front_hall", "why": "covered"}, {"camera": "yard", "why": "offline"}]
    site.house.state["alarm_detail"] = detail(blind=blind)
    enter(page, site)
    expect(page.locator("#alarm-blind")).to_have_text("Armed, but front hall is covered, yard is offline.")
    site.house.state["alarm_detail"] = detail(blind=[])
    expect(page.locator("#alarm-blind")).to_be_hidden()


def test_a_view_that_was_accepted_is_shown_with_its_time(page: Page, site: Site) -> None:
    first = site.house.state["cameras"][0]
    first["view"] = {"since": time.time(), "by": "start", "recognised": True}
    enter(page, site)
    expect(page.locator("#health-cameras")).to_contain_text("fps")
    expect(page.locator("#health-cameras")).not_to_contain_text("view accepted")
    first["view"]["by"] = "time"
    expect(page.locator("#health-cameras")).to_contain_text("since it had stayed")


def test_a_code_is_typed_with_the_thumb(page: Page, site: Site) -> None:
    site.house.code = "4711"
    site.house.state["alarm_detail"] = detail()
    enter(page, site)
    expect(page.locator("#alarm-more")).to_be_visible()
    page.get_by_role("button", name="Disarm").click()
    pin = page.get_by_role("dialog", name="Code to disarm")
    for key in pin.locator(".key").all():
        box = key.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 60
        assert box["y"] > 844 / 3  # within reach
    for digit in "4712":
        pin.get_by_role("button", name=digit, exact=True).click()
    expect(pin.get_by_label("Code", exact=True)).to_have_value("4712")
    expect(pin.get_by_label("Code", exact=True)).to_be_focused()
    pin.get_by_role("button", name="Disarm").click()
    expect(pin).to_contain_text("That is not the code.")
    expect(pin.get_by_label("Code", exact=True)).to_have_value("")
    assert site.house.log == ["disarm by web 127.0.0.1"]  # nothing was asked before there was a code
    for digit in "471":
        pin.get_by_role("button", name=digit, exact=True).click()
    pin.get_by_role("button", name="Delete the last digit").click()
    page.keyboard.type("11")
    pin.get_by_role("button", name="Disarm").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Disarmed")
    expect(pin).to_be_hidden()


def test_too_many_wrong_codes_lock_the_keypad_and_say_for_how_long(page: Page, site: Site) -> None:
    site.house.code = "4711"
    site.house.state["alarm_detail"] = detail()
    enter(page, site)
    page.get_by_role("button", name="Disarm").click()
    pin = page.get_by_role("dialog", name="Code to disarm")
    for _ in range(ONE_ADDRESS.burst):
        pin.get_by_label("Code", exact=True).fill("1111")
        page.keyboard.press("Enter")
        expect(pin).to_contain_text("That is not the code.")
        expect(pin.get_by_label("Code", exact=True)).to_have_value("")
    pin.get_by_label("Code", exact=True).fill("4711")
    page.keyboard.press("Enter")
    expect(pin).to_contain_text("Too many wrong codes. Wait")
    expect(pin.get_by_role("button", name="5", exact=True)).to_be_disabled()
    expect(pin.get_by_role("button", name="Disarm")).to_be_disabled()


def test_a_lockout_ends_by_itself(page: Page, site: Site) -> None:
    orders = Orders(page, site)
    site.house.state["alarm_detail"] = detail()
    enter(page, site)
    expect(page.locator("#alarm-more")).to_be_visible()
    orders.answer = (403, {"Retry-After": "2"}, {"error": "Too many wrong codes."})
    page.get_by_role("button", name="Disarm").click()
    pin = page.get_by_role("dialog", name="Code to disarm")
    page.keyboard.type("1111")
    page.keyboard.press("Enter")
    expect(pin.get_by_role("button", name="5", exact=True)).to_be_disabled()
    expect(pin.get_by_role("button", name="5", exact=True)).to_be_enabled()
    expect(pin).to_contain_text("Try again.")


def test_a_code_to_arm_is_asked_for_only_where_it_is_wanted(page: Page, site: Site) -> None:
    orders = Orders(page, site)
    site.house.state |= {"alarm": "disarmed", "alarm_detail": detail(mode=None)}
    enter(page, site)
    expect(page.locator("#alarm-more")).to_be_visible()
    page.get_by_role("button", name="Home").click()
    expect(page.locator("#alarm")).not_to_have_attribute("aria-busy", "true")
    assert orders.asked == [{"mode": "home", "code": None}]
    tomorrow = {"at": time.time() + 86_400, "do": "disarm"}
    site.house.state["alarm_detail"] = detail(mode=None, code_to_arm=True, next=tomorrow)
    expect(page.locator("#alarm-next")).to_contain_text("Next: disarm at")
    page.get_by_role("button", name="Night").click()
    pin = page.get_by_role("dialog", name="Code to arm")
    page.keyboard.type("4711")
    pin.get_by_role("button", name="Arm", exact=True).click()
    expect(pin).to_be_hidden()
    assert orders.asked[1:] == [{"mode": "night", "code": "4711"}]


def test_whoever_is_out_already_need_not_wait(page: Page, site: Site) -> None:
    orders = Orders(page, site)
    site.house.state |= {"alarm": "arming", "alarm_detail": detail(mode="night", until_s=60.0)}
    enter(page, site)
    page.get_by_role("button", name="Arm without waiting").click()
    expect(page.locator("#alarm")).not_to_have_attribute("aria-busy", "true")
    assert orders.asked == [{"mode": "night", "code": None, "now": True}]


@pytest.mark.parametrize("by", ["mouse", "key"])
def test_panic_is_held_for_two_seconds(page: Page, site: Site, by: str) -> None:
    orders = Orders(page, site)
    site.house.state["alarm_detail"] = detail()
    enter(page, site)
    panic = page.get_by_role("button", name="Panic")
    panic.hover()

    def press(milliseconds: int) -> None:
        if by == "mouse":
            page.mouse.down()
        else:
            panic.focus()
            page.keyboard.down("Enter")
        page.wait_for_timeout(milliseconds)
        if by == "mouse":
            page.mouse.up()
        else:
            page.keyboard.up("Enter")

    how = page.get_by_text("Hold for two seconds", exact=True)
    expect(how).to_have_css("width", "1px")  # for those who do not see the page
    press(1000)
    expect(how).not_to_have_css("width", "1px")
    page.wait_for_timeout(1100)
    assert orders.asked == []
    expect(how).not_to_have_css("width", "1px")
    press(2100)
    expect(how).to_have_css("width", "1px")
    expect(page.locator("#alarm")).not_to_have_attribute("aria-busy", "true")
    assert orders.asked == [{"mode": "panic", "code": None}]


def test_a_switch_that_would_blind_the_alarm_asks_for_its_code(page: Page, site: Site) -> None:
    site.house.code = "4711"
    site.house.state["alarm_detail"] = detail()
    enter(page, site)
    expect(page.locator("#alarm-more")).to_be_visible()
    page.get_by_label("Switches of porch").click()
    motion = page.get_by_role("switch", name="Watch for motion")
    motion.click()
    pin = page.get_by_role("dialog", name="Code to switch off: Porch, Watch for motion")
    expect(pin).to_be_visible()
    assert site.house.log == []  # nothing was asked before there was a code
    page.keyboard.press("Escape")
    expect(pin).to_be_hidden()
    expect(motion).to_be_checked()
    motion.click()
    for digit in "4712":
        pin.get_by_role("button", name=digit, exact=True).click()
    pin.get_by_role("button", name="Switch off").click()
    expect(pin).to_contain_text("That is not the code.")
    page.keyboard.type("4711")
    page.keyboard.press("Enter")
    expect(pin).to_be_hidden()
    expect(motion).to_be_visible()  # the keypad did not close the menu beneath
    expect(motion).not_to_be_checked()
    assert site.house.log == ["switch porch motion False by web 127.0.0.1"]
    motion.click()
    expect(motion).to_be_checked()
    eventually(lambda: site.house.log[1:] == ["switch porch motion True by web 127.0.0.1"])


def test_wrong_codes_for_a_switch_lock_the_keypad_too(page: Page, site: Site) -> None:
    site.house.code = "4711"
    site.house.state["alarm_detail"] = detail()
    enter(page, site)
    expect(page.locator("#alarm-more")).to_be_visible()
    page.get_by_label("Switches of porch").click()
    page.get_by_role("switch", name="Camera").click()
    pin = page.get_by_role("dialog", name="Code to switch off: Porch, Camera")
    for _ in range(ONE_ADDRESS.burst):
        pin.get_by_label("Code", exact=True).fill("1111")
        page.keyboard.press("Enter")
        expect(pin).to_contain_text("That is not the code.")
        expect(pin.get_by_label("Code", exact=True)).to_have_value("")
    pin.get_by_label("Code", exact=True).fill("4711")
    page.keyboard.press("Enter")
    expect(pin).to_contain_text("Too many wrong codes. Wait")
    expect(pin.get_by_role("button", name="Switch off")).to_be_disabled()
    pin.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("switch", name="Camera")).to_be_checked()


def test_the_device_says_where_a_code_is_wanted_that_the_page_did_not_know_of(page: Page, site: Site) -> None:
    site.house.code = "4711"  # and no `alarm_detail` that says so
    enter(page, site)
    page.get_by_label("Switches of porch").click()
    page.get_by_role("switch", name="Notifications").click()
    pin = page.get_by_role("dialog", name="Code to switch off: Porch, Notifications")
    expect(pin).to_contain_text("The code is needed.")
    page.keyboard.type("4711")
    page.keyboard.press("Enter")
    expect(pin).to_be_hidden()
    assert site.house.state["cameras"][0]["switches"]["notifications"] is False


def test_a_house_without_delays_and_codes_looks_as_ever(page: Page, site: Site) -> None:
    enter(page, site)
    expect(page.locator("#link")).to_have_text("Live")
    expect(page.get_by_role("button", name="Panic")).to_be_hidden()
    expect(page.get_by_role("button", name="Log", exact=True)).to_be_hidden()


def test_the_log_says_who_did_what_from_where(page: Page, site: Site) -> None:
    lock = {"at": 1e9, "clock_ok": True, "by": None, "result": "done"}
    rows = [
        {"at": 1e9, "clock_ok": True, "what": "disarm", "by": None, "from": "mqtt", "result": "wrong code"},
        {"at": 1e9, "clock_ok": False, "what": "arm_away", "by": "Anna", "from": "web 192.0.2.7", "result": "done"},
        {**lock, "what": "back_door/notifications off", "from": "the command line (user 0, process 20692)"},
    ]
    page.route("**/api/alarm/log?*", lambda route: route.fulfill(json=rows))
    site.house.state |= {"alarm_detail": detail(next={"at": time.time() + 60, "do": "arm_night"})}
    enter(page, site)
    expect(page.locator("#alarm-next")).to_contain_text("Next: arm night at")
    expect(page.locator("#problems")).not_to_contain_text("schedule")
    site.house.state |= {"alarm_detail": detail(schedule_waits=True)}
    expect(page.locator("#problems")).to_contain_text("The schedule waits: the clock is not set")
    page.get_by_role("button", name="Log", exact=True).click()
    log = page.get_by_role("dialog", name="Who did what").get_by_role("listitem")
    expect(log.nth(0)).to_contain_text("Disarm")
    expect(log.nth(0)).to_contain_text("mqtt")
    expect(log.nth(0)).to_contain_text("wrong code")
    expect(log.nth(1)).to_contain_text("Arm away")
    expect(log.nth(1)).to_contain_text("Anna, web 192.0.2.7")
    expect(log.nth(1)).to_contain_text("clock not set")
    expect(log.nth(1).locator("time")).to_contain_text(re.compile(r"^9 Sept? \d\d:46:40 \?"))
    expect(log.nth(1)).not_to_contain_text("done")
    expect(log.nth(2).locator(".log__what")).to_have_text("Back door: notifications off")
    expect(log.nth(2).locator(".log__who")).to_have_text("the command line")
