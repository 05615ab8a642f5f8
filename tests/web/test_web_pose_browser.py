"""A person's joints in a real browser: the bar of postures, the stick figure, and a fall that nobody overlooks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from playwright.sync_api import Page, expect

from edge.pose.record import HEADER, Row, line
from edge.types import Activity, Body
from tests.support.browser import needs_chromium
from tests.support.figures import body_in
from tests.support.house import jpeg
from tests.web.conftest import Site, enter

pytestmark = needs_chromium

START = 1_700_000_000.0
SIZE = (640, 480)


def body_at(time: float) -> Body:
    """Somebody who walks in for six seconds, falls, and lies from the seventh on."""
    x = 120 + 30 * min(time, 6.0)
    if time < 6:
        return body_in((x, 150, x + 70, 400))
    fall = Activity("fall", 0.9, 6.0, 8.0 if time >= 8 else None)
    if time < 7:
        down = 130 * (time - 6)
        return replace(body_in((x, 150 + down, x + 70 + down, 410), "bending"), activity=fall)
    return replace(body_in((x, 340, x + 250, 410), "lying"), activity=fall)


def fell(site: Site, **more: Any) -> str:
    """A fall that was told of, with its record; its id."""
    fall = {"kind": "fall", "score": 0.9, "confirmed": True, "since": START + 6}
    pose = {"format": "coco17", "keypoints": [], "posture": "lying", "posture_score": 0.9, "lying_s": 5.0}
    told = {"start_time": START, "end_time": START + 15, "has_snapshot": True, "frame_size": list(SIZE)}
    site.house.happen("end", **{**told, "pose": pose, "activity": fall, "fell": True, **more})
    name = str(site.house.rows[0]["after"]["id"])
    rows = (Row(START + i / 10, START, SIZE, body_at(i / 10)) for i in range(150))
    site.house.poses[name] = HEADER + "".join(map(line, rows))
    site.house.shots[name] = jpeg(60, SIZE)
    return name


def limbs(page: Page) -> list[str | None]:
    """Where the lines of the figure are."""
    drawn = page.locator("#pose-stage line:not(.limb--gone)")
    return [each.get_attribute("y1") for each in drawn.all()]


def test_a_fall_stands_out_and_is_shown_again_as_a_stick_figure(page: Page, site: Site) -> None:
    name = fell(site)
    site.house.happen(serial=2, start_time=START - 60)
    enter(page, site)
    fall, other = page.locator(".event").all()
    assert (fall.get_attribute("data-fell"), other.get_attribute("data-fell")) == ("true", "false")
    expect(fall.locator(".event__title")).to_have_text("Fall")
    red, plain = (each.locator(".event__title").evaluate("n => getComputedStyle(n).color") for each in (fall, other))
    assert red != plain
    fall.locator(".event__open").click()
    shot = page.get_by_role("dialog", name="Fall")
    figure = shot.get_by_role("img", name="Stick figure, Standing")
    expect(figure).to_be_visible()
    expect(shot.locator("#pose-now")).to_contain_text("Standing")
    listed = shot.locator("#pose-list").get_by_role("button")
    assert listed.locator("b").all_inner_texts() == ["Fall", "Standing", "Bending", "Lying", "Fallen"]
    assert len(limbs(page)) == 12

    shot.get_by_role("button", name="Play").click()
    before = limbs(page)
    expect(shot.locator("#pose-now")).to_contain_text("Fallen", timeout=15_000)
    assert limbs(page) != before
    shot.get_by_role("button", name="Pause").click()
    shot.get_by_role("slider", name="Time").press("Home")
    expect(shot.locator("#pose-now")).to_contain_text("Standing")
    listed.last.click()
    expect(shot.get_by_role("img", name="Stick figure, Fallen")).to_be_visible()
    assert (
        shot.get_by_role("link", name="Save the joints (CSV)").get_attribute("href") == f"/api/events/{name}/pose.csv"
    )
    wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1], "nothing sticks out of a phone"


def test_an_event_without_joints_has_no_part_for_them(page: Page, site: Site) -> None:
    site.house.happen("end", start_time=START, end_time=START + 5)
    fell(site, serial=2, start_time=START + 100)
    enter(page, site)
    page.locator(".event__open").first.click()
    expect(page.locator("#pose")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    page.locator(".event__open").last.click()
    expect(page.get_by_role("heading", name="Why this was told")).to_be_visible()
    expect(page.locator("#pose")).to_be_hidden()


def test_falls_alone_can_be_asked_for(page: Page, site: Site) -> None:
    fell(site)
    site.house.happen(serial=2, start_time=START + 60)
    enter(page, site)
    expect(page.locator(".event")).to_have_count(2)
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("switch", name="Falls only").check()
    expect(page.locator(".event")).to_have_count(1)
    expect(page.locator(".event__title")).to_have_text("Fall")
