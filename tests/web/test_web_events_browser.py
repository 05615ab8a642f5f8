"""The list of events in a real browser: a day of it, a choice of it, a time on the bar."""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import needs_chromium
from tests.support.house import camera, jpeg
from tests.web.conftest import Opener, Site, enter

pytestmark = needs_chromium


def midnight(days_ago: int = 0) -> float:
    """Of today or some days before, in the browser's own time zone."""
    today = datetime.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return (today - timedelta(days=days_ago)).timestamp()


@pytest.fixture
def busy(open_site: Opener) -> Site:
    """Two cameras; yesterday a dog at 7 and a person at 9 and 18 o'clock, and a person just now."""
    site = open_site(None, "porch", "yard")
    day = midnight(1)
    site.house.happen("end", serial=1, start_time=day + 7 * 3600, label="dog", armed="disarmed")
    site.house.happen(
        "end", serial=2, start_time=day + 9 * 3600, entered_zones=["path"], has_clip=True, end_time=day + 32401
    )
    site.house.happen("end", serial=3, start_time=day + 18 * 3600, camera="yard")
    site.house.happen(serial=4, start_time=time.time() - 5)
    return site


def test_the_list_is_narrowed_by_camera_label_zone_alarm_and_clip(page: Page, busy: Site) -> None:
    enter(page, busy)
    events = page.locator(".event")
    expect(events).to_have_count(4)
    button = page.get_by_role("button", name="Filter")
    button.click()
    form = page.get_by_role("form", name="Which events")
    form.get_by_label("Camera").select_option("yard")
    expect(events).to_have_count(1)
    expect(button).to_have_attribute("data-count", "1")
    form.get_by_label("Camera").select_option("")
    form.get_by_label("What").select_option("dog")
    expect(events).to_have_count(1)
    expect(events).to_contain_text("Dog")
    form.get_by_role("switch", name="While armed only").check()
    expect(page.get_by_text("No such event")).to_be_visible()
    form.get_by_role("button", name="Show all").click()
    expect(events).to_have_count(4)
    form.get_by_label("Zone").select_option("path")
    expect(events).to_have_count(1)
    form.get_by_label("Zone").select_option("")
    form.get_by_role("switch", name="With a clip only").check()
    expect(events).to_have_count(1)
    expect(events.locator(".event__clip")).to_be_visible()


def test_what_happens_now_comes_in_only_if_it_is_wanted(page: Page, busy: Site) -> None:
    enter(page, busy)
    expect(page.locator(".event")).to_have_count(4)
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("combobox", name="What").select_option("dog")
    expect(page.locator(".event")).to_have_count(1)
    busy.house.happen(serial=5, label="cat")
    busy.house.happen(serial=6, label="dog")
    expect(page.locator(".event")).to_have_count(2)
    busy.house.happen("end", serial=6, label="dog", start_time=busy.house.rows[0]["after"]["start_time"])
    expect(page.locator(".event")).to_have_count(2)  # the same object: its card


def test_days_are_turned_like_pages(page: Page, busy: Site) -> None:
    enter(page, busy)
    expect(page.locator(".event")).to_have_count(4)
    expect(page.get_by_role("button", name="Next day")).to_be_disabled()
    page.get_by_role("button", name="Day before").click()
    expect(page.locator(".event")).to_have_count(3)
    expect(page.get_by_label("Day", exact=True)).to_have_value(f"{datetime.fromtimestamp(midnight(1)):%Y-%m-%d}")
    busy.house.happen(serial=9)
    page.wait_for_timeout(1500)
    expect(page.locator(".event")).to_have_count(3)  # that is not of yesterday
    page.get_by_label("Day", exact=True).fill(f"{datetime.fromtimestamp(midnight(5)):%Y-%m-%d}")
    expect(page.get_by_text("No such event")).to_be_visible()
    page.get_by_role("button", name="Latest").click()
    expect(page.locator(".event")).to_have_count(5)


def test_a_tap_on_the_bar_leads_to_that_time(page: Page, busy: Site) -> None:
    enter(page, busy)
    page.get_by_role("button", name="Day before").click()
    expect(page.get_by_role("img", name="Porch: 2 events, 1 while armed")).to_be_visible()
    expect(page.get_by_role("img", name="Yard: 1 event, 1 while armed")).to_be_visible()
    track = page.locator("#strip-track")
    width = track.evaluate("node => node.clientWidth")
    track.click(position={"x": width * 9.1 / 24, "y": 5})
    expect(page.locator(".event")).to_have_count(2)
    expect(page.locator("#day-until")).to_have_text("until 09:10")
    expect(page.locator(".event").first).to_contain_text("09:00")


def test_a_phone_is_wide_enough_for_a_chosen_time_and_the_date_stays_in_sight(page: Page, busy: Site) -> None:
    enter(page, busy)
    page.get_by_role("button", name="Day before").click()
    track = page.locator("#strip-track")
    track.tap(position={"x": track.evaluate("node => node.clientWidth") * 0.3, "y": 5})
    expect(page.locator("#day-until")).to_contain_text("until ")
    expect(page.get_by_role("button", name="Latest")).to_be_in_viewport()
    assert page.evaluate("[document.documentElement.scrollWidth, innerWidth]") == [390, 390]
    expect(page.get_by_role("navigation", name="Parts of the page")).to_be_in_viewport()
    expect(page.locator(".strip__cursor")).to_be_visible()
    expect(page.locator("#strip-at")).to_be_hidden()  # it would lie over the date


def test_the_filter_shows_its_words_whole_on_a_phone(page: Page, busy: Site) -> None:
    enter(page, busy)
    page.get_by_role("button", name="Filter").click()
    selects = page.get_by_role("form", name="Which events").get_by_role("combobox")
    expect(selects).to_have_count(3)
    for select in selects.all():
        expect(select).to_be_visible()
        assert select.evaluate("node => node.clientWidth") > 250


def test_the_bar_is_worked_by_keys_and_says_where_it_stands(page: Page, busy: Site) -> None:
    enter(page, busy)
    page.get_by_role("button", name="Day before").click()
    expect(page.locator(".event")).to_have_count(3)
    bar = page.get_by_role("slider", name="Events up to this time of the day")
    bar.focus()
    for _ in range(7):
        page.keyboard.press("PageDown")  # a tenth of the day
    expect(bar).to_have_attribute("aria-valuetext", "07:05 · 1 event")
    expect(page.locator(".event")).to_have_count(1)
    expect(page.locator(".event")).to_contain_text("Dog")


def test_older_events_are_read_page_by_page_without_a_gap(page: Page, site: Site) -> None:
    for number in range(150):
        site.house.happen("end", serial=number, start_time=1_700_000_000.0 + number * 60)
    enter(page, site)
    expect(page.locator(".event")).to_have_count(60)
    page.get_by_role("button", name="Show older").click()
    expect(page.locator(".event")).to_have_count(120)
    page.get_by_role("button", name="Show older").click()
    expect(page.locator(".event")).to_have_count(150)
    expect(page.get_by_role("button", name="Show older")).to_be_hidden()
    ids = page.locator(".event").evaluate_all("nodes => nodes.map(node => node.dataset.id)")
    assert ids == [row["after"]["id"] for row in site.house.rows]


def test_a_card_shows_the_small_picture_or_else_the_whole_one(page: Page, site: Site) -> None:
    site.house.happen(serial=1, has_snapshot=True)
    site.house.happen(serial=2, has_snapshot=True)
    small, whole = (row["after"]["id"] for row in site.house.rows)
    site.house.shots |= {small: jpeg(10), whole: jpeg(20)}
    page.route(f"**/api/events/{whole}/thumb.jpg*", lambda route: route.fulfill(status=404))
    thumb = jpeg(30, (160, 120))
    page.route(f"**/api/events/{small}/thumb.jpg*", lambda route: route.fulfill(body=thumb, content_type="image/jpeg"))
    enter(page, site)
    width = "async image => (await image.decode(), image.naturalWidth)"
    assert page.locator(f"[data-id='{small}'] img").evaluate(width) == 160
    expect(page.locator(f"[data-id='{whole}'] img")).to_have_attribute("src", re.compile(f"{whole}.jpg"))
    assert page.locator(f"[data-id='{whole}'] img").evaluate(width) == 64


def test_switches_of_a_camera_are_on_its_picture(page: Page, site: Site) -> None:
    site.house.state["cameras"][0].pop("switches")
    enter(page, site)
    expect(page.locator("#link")).to_have_text("Live")
    expect(page.locator(".switches")).to_be_hidden()
    switches = {"enabled": True, "detect": True, "pose": False, "notifications": False, "snapshots": True}
    site.house.state["cameras"] = [camera("porch", switches=switches, tamper="moved")]
    tile = page.locator("[data-camera=porch]")
    expect(tile).to_contain_text("Notifications off")
    page.get_by_label("Switches of porch").click()
    alerts = tile.get_by_role("switch", name="Notifications")
    expect(alerts).not_to_be_checked()
    expect(tile.get_by_role("switch")).to_have_count(4)  # no postures: they could not be switched on
    alerts.check()
    expect(tile).not_to_contain_text("Notifications off")
    expect(alerts).to_be_checked()
    assert site.house.state["cameras"][0]["switches"]["notifications"] is True
    page.locator("h1").click()
    expect(alerts).to_be_hidden()
    expect(page.get_by_role("list", name="What needs attention")).to_contain_text("Porch: camera moved")


def test_a_switch_that_did_not_reach_the_device_goes_back(page: Page, site: Site) -> None:
    page.route("**/api/cameras/porch/*", lambda route: route.fulfill(status=409, json={"error": "It cannot be."}))
    site.house.state["cameras"] = [camera("porch", switches={"detect": False})]
    enter(page, site)
    page.get_by_label("Switches of porch").click()
    detect = page.get_by_role("switch", name="Detect objects")
    detect.click()
    expect(page.locator(".switch__wrong")).to_have_text("It cannot be.")
    expect(detect).not_to_be_checked()


def test_a_switch_that_can_never_be_on_says_why(page: Page, site: Site) -> None:
    switches = {"enabled": True, "detect": False, "motion": True, "notifications": True, "snapshots": True}
    site.house.state["cameras"] = [camera("porch", switches=switches, stay_off=["detect", "pose"])]
    enter(page, site)
    page.get_by_label("Switches of porch").click()
    detect = page.get_by_role("switch", name="Detect objects")
    expect(detect).to_be_disabled()
    expect(detect).not_to_be_checked()
    expect(detect).to_have_accessible_description("Looks for motion alone.")
    expect(page.get_by_text("Looks for motion alone.")).to_be_visible()
    expect(page.locator("[data-camera=porch]")).not_to_contain_text("Detection off")  # nobody switched it off
    expect(page.get_by_role("switch", name="Watch for motion")).to_be_enabled()


def test_the_health_list_shows_what_room_the_clips_take(page: Page, site: Site) -> None:
    enter(page, site)
    expect(page.locator("#link")).to_have_text("Live")
    expect(page.get_by_role("heading", name="Storage")).to_be_hidden()
    site.house.state["storage"] = {"used": 12.4e9, "free": 1.8e9, "clips": 214, "oldest": 1e9, "state": "full"}
    site.house.state["storage"]["reason"] = "the disk is full"
    card = page.locator("#storage-card")
    expect(card).to_contain_text("214 clips · 12.4 GB · 1.8 GB free")
    expect(page.get_by_role("list", name="What needs attention")).to_contain_text("full: the disk is full")


def test_a_list_that_was_read_far_back_is_as_long_when_its_owner_looks_again(page: Page, site: Site) -> None:
    for number in range(150):
        site.house.happen("end", serial=number, start_time=1_700_000_000.0 + number * 60)
    enter(page, site)
    page.get_by_role("button", name="Show older").click()
    expect(page.locator(".event")).to_have_count(120)
    with page.expect_response("**/api/objects?*"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # the feed begins anew
    expect(page.locator(".event")).to_have_count(120)


def test_nothing_jumps_while_the_page_loads(page: Page, site: Site) -> None:
    site.house.state["alarm_detail"] = {"mode": None, "code": True, "code_to_arm": False, "next": None}
    page.add_init_script(
        "window.jumps = 0; new PerformanceObserver(list => list.getEntries().forEach(e => window.jumps += e.value))"
        ".observe({type: 'layout-shift', buffered: true})"
    )
    for number in range(5):
        site.house.happen("end", serial=number)
    enter(page, site)
    expect(page.locator(".event")).to_have_count(5)
    expect(page.locator("#link")).to_have_text("Live")
    assert page.evaluate("window.jumps") < 0.1  # "good", by the Core Web Vitals


def test_the_parts_of_the_page_are_one_tap_away_on_a_phone(page: Page, busy: Site) -> None:
    enter(page, busy)
    expect(page.locator(".event")).to_have_count(4)
    tabs = page.get_by_role("navigation", name="Parts of the page")
    for name in ("Health", "Events", "Cameras", "Alarm"):
        tabs.get_by_role("link", name=name).tap()
        heading = page.get_by_role("heading", name=name, exact=True) if name != "Alarm" else page.locator("h1")
        expect(heading.first).to_be_in_viewport()
    expect(page).to_have_url(f"{busy.base}/")
    page.set_viewport_size({"width": 1280, "height": 800})
    expect(tabs).to_be_hidden()
