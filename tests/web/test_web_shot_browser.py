"""One event in a real browser: its address, its clip, why it was told, and the owner's word on it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import needs_chromium
from tests.support.house import jpeg
from tests.web.conftest import PASSWORD, Site, enter

pytestmark = needs_chromium

START = 1_700_000_000.0
WHY = {
    "rules": [
        {"rule": "confirmed", "name": "person", "time": START + 0.3},
        {"rule": "zone", "name": "front_path", "time": START + 0.6},
        {"rule": "line", "name": "gate", "time": START + 0.9, "direction": "in"},
        {"rule": "of_tomorrow", "name": "x", "time": START + 1.0},
    ],
    "seen": [[START + 0.1 * number, 0.5 + 0.04 * number, [10 + number, 10, 20 + number, 30]] for number in range(10)],
}
TOLD: dict[str, Any] = {
    "why": WHY,
    "model": {"name": "ssdlite", "engine": "tflite", "sha256": "0", "infer_ms": 14.26},
    "path_data": [[[0.2 + 0.05 * number, 0.6], START + number] for number in range(8)],
    "box_norm": [0.2, 0.2, 0.5, 0.8],
    "start_time": START,
}


def happened(site: Site, **more: Any) -> str:
    """One object of which three messages are kept, with a picture; its id."""
    mailed, passed = {"email": "delivered"}, {"email": "passed"}
    steps = [("new", {"mqtt": "delivered"} | mailed, None), ("update", {"mqtt": "replaced"} | passed, None)]
    for kind, states, end in [*steps, ("end", {"mqtt": "pending"} | passed, START + 9)]:
        site.house.happen(kind, **{**TOLD, "has_snapshot": True, "end_time": end, **more}, sinks=states)
    name = str(site.house.rows[0]["after"]["id"])
    site.house.shots[name] = jpeg(90)
    return name


def film(path: Path, pictures: int = 20) -> bytes:
    """H.264 in MP4, ten pictures a second."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(pictures):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number * 10 % 256, np.uint8), "rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path.read_bytes()


def test_why_an_event_was_told_is_told_in_sentences_and_drawn(page: Page, site: Site) -> None:
    happened(site)
    enter(page, site)
    page.locator(".event__open").click()
    shot = page.get_by_role("dialog", name="Person")
    why = shot.get_by_role("listitem")
    expect(why.nth(0)).to_contain_text("It was seen often enough to be taken for a person, at ")
    expect(why.nth(1)).to_contain_text("It entered the zone front path, at ")
    expect(why.nth(2)).to_contain_text("It crossed the line gate (in), at ")
    expect(why.nth(3)).to_contain_text("Rule of tomorrow: x")
    expect(
        shot.get_by_role("img", name="Scores of 10 sightings, from 50\u00a0% to 86\u00a0% in 0.9 seconds")
    ).to_be_visible()
    facts = shot.locator(".why__facts")
    expect(facts).to_contain_text("ssdlite on tflite, 14.3 ms a picture")
    expect(facts).to_contain_text("armed (away)")
    expect(facts).to_contain_text("MQTT: 1 delivered, 1 told together, 1 waiting")
    expect(facts).to_contain_text("Mail: 1 delivered")
    assert shot.locator(".way__line").evaluate("node => node.points.length") == 8
    expect(shot.locator(".way__box").first).to_be_visible()


@pytest.mark.parametrize(
    ("states", "said"),
    [
        (("passed", "delivered", "passed"), "Mail: 1 delivered"),
        (("passed", "passed", "passed"), "Mail: none wanted"),
        (("passed", "parked", "pending"), "Mail: 1 refused, 1 waiting"),
    ],
)
def test_of_mails_is_told_what_the_sink_says_of_each(
    page: Page, site: Site, states: tuple[str, ...], said: str
) -> None:
    for kind, state in zip(("new", "update", "end"), states, strict=True):
        site.house.happen(kind, **TOLD, armed="disarmed", sinks={"mqtt": "delivered", "email": state})
    enter(page, site)
    page.locator(".event__open").click()
    shown = page.locator(".why__facts dd").filter(has_text="MQTT")
    expect(shown).to_have_text(f"MQTT: 3 delivered · {said}")


def test_no_way_is_drawn_over_a_picture_of_another_shape(page: Page, site: Site) -> None:
    name = happened(site)
    site.house.shots[name] = jpeg(90, (40, 120))
    enter(page, site)
    page.locator(".event__open").click()
    expect(page.locator(".why__facts")).to_contain_text("ssdlite")
    expect(page.locator("#shot-image")).to_have_js_property("naturalWidth", 40)
    expect(page.locator(".way")).to_have_count(0)


def test_a_clip_plays_and_gives_way_to_the_picture(page: Page, site: Site, tmp_path: Path) -> None:
    clip = film(tmp_path / "clip.mp4")
    name = happened(site, has_clip=True)
    page.route(f"**/api/clips/{name}.mp4", lambda route: route.fulfill(body=clip, content_type="video/mp4"))
    enter(page, site)
    page.locator(".event__open").click()
    expect(page.locator("#shot-clip")).to_be_visible()
    expect(page.locator("#shot-clip")).to_have_js_property("videoWidth", 64)
    assert page.locator("#shot-clip").evaluate("clip => Math.round(clip.duration)") == 2
    plays = "clip => new Promise(done => { clip.ontimeupdate = () => clip.currentTime > 0.3 && done(); clip.play(); })"
    page.locator("#shot-clip").evaluate(plays)
    expect(page.get_by_role("link", name="Save clip")).to_have_attribute("href", f"/api/clips/{name}.mp4")
    page.get_by_role("button", name="Picture").click()
    expect(page.get_by_role("img", name="Person at porch")).to_be_visible()
    expect(page.locator("#shot-clip")).to_be_hidden()
    assert page.locator("#shot-clip").evaluate("clip => clip.paused")
    page.get_by_role("button", name="Clip", exact=True).click()
    expect(page.locator("#shot-clip")).to_be_visible()


def test_a_clip_begins_where_its_event_is_and_then_obeys_its_viewer(page: Page, site: Site, tmp_path: Path) -> None:
    clip = film(tmp_path / "clip.mp4", 80)
    name = happened(site, has_clip=True)
    site.house.clips[name] = tmp_path / "clip.mp4"
    site.house.clip_from_s = 5.2
    assert clip
    enter(page, site)
    page.locator(".event__open").click()
    film_ = page.locator("#shot-clip")
    expect(page.locator(".why__facts")).to_contain_text("ssdlite")
    expect(film_).to_have_js_property("videoWidth", 64)
    expect(film_).to_have_js_property("currentTime", 0)  # the picture stays until it is played
    at = "clip.ontimeupdate = () => !clip.seeking && done(clip.currentTime)"
    plays = f"clip => new Promise(done => {{ {at}; clip.play(); }})"
    assert film_.evaluate(plays) >= 5.2
    back = "clip.ontimeupdate = null; clip.pause(); clip.onseeked = done; clip.currentTime = 0"
    film_.evaluate(f"clip => new Promise(done => {{ {back}; }})")
    assert film_.evaluate(plays) < 3
    page.get_by_role("button", name="Close").click()
    page.locator(".event__open").click()
    expect(film_).to_have_js_property("videoWidth", 64)
    expect(page.locator(".why__facts")).to_contain_text("ssdlite")
    assert film_.evaluate(plays) >= 5.2


def test_a_clip_that_is_gone_or_cannot_be_played_is_said_and_the_picture_stands_in(page: Page, site: Site) -> None:
    name = happened(site, has_clip=True)
    answer: dict[str, Any] = {"status": 404, "json": {"error": "There is no clip any more."}}
    page.route(f"**/api/clips/{name}.mp4", lambda route: route.fulfill(**answer))
    enter(page, site)
    page.locator(".event__open").click()
    expect(page.locator("#shot-clip-wrong")).to_contain_text("There is no clip any more.")
    expect(page.get_by_role("img", name="Person at porch")).to_be_visible()
    expect(page.get_by_role("link", name="Save clip")).to_be_hidden()
    page.keyboard.press("Escape")
    answer = {"status": 200, "body": b"no film", "content_type": "video/mp4"}
    page.locator(".event__open").click()
    expect(page.locator("#shot-clip-wrong")).to_contain_text("This browser cannot play the clip")
    expect(page.get_by_role("link", name="Save clip")).to_be_visible()


def test_the_owner_says_that_it_was_nothing_and_takes_it_back(page: Page, site: Site) -> None:
    name = happened(site)
    enter(page, site)
    page.locator(".event__open").click()
    page.get_by_role("button", name="This was nothing").click()
    expect(page.locator("#shot-word")).to_contain_text("Kept as a false alarm")
    expect(page.locator(".event")).to_have_attribute("data-nothing", "true")
    page.get_by_role("button", name="It was something after all").click()
    expect(page.get_by_role("button", name="This was nothing")).to_be_visible()
    expect(page.locator(".event")).to_have_attribute("data-nothing", "false")
    said = [line for line in site.house.log if " was " in line]
    assert said == [f"{name} was nothing by web 127.0.0.1", f"{name} was something by web 127.0.0.1"]


def test_a_mail_leads_to_its_event_also_through_the_login(page: Page, home: Site) -> None:
    name = happened(home)
    for number in range(70):  # long ago: not in the list that the page begins with
        home.house.happen("end", serial=number + 10, start_time=START + 3600 + number)
    page.goto(f"{home.base}/#event={name}")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    shot = page.get_by_role("dialog", name="Person")
    expect(shot.locator(".why__facts")).to_contain_text(name)
    page.keyboard.press("Escape")
    expect(shot).to_be_hidden()
    expect(page).to_have_url(f"{home.base}/")


def test_the_back_button_closes_an_event_and_its_address_can_be_shared(page: Page, site: Site) -> None:
    name = happened(site)
    enter(page, site)
    page.locator(".event__open").click()
    shot = page.get_by_role("dialog", name="Person")
    expect(page).to_have_url(f"{site.base}/#event={name}")
    page.go_back()
    expect(shot).to_be_hidden()
    expect(page).to_have_url(f"{site.base}/")
    page.go_forward()
    expect(shot).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(shot).to_be_hidden()
    expect(page).to_have_url(f"{site.base}/")


def test_an_event_that_is_not_kept_any_more_is_said(page: Page, site: Site) -> None:
    enter(page, site)
    page.goto(f"{site.base}/#event=1-unknown")
    expect(page.get_by_role("alert")).to_have_text("That event is not kept any more.")
    expect(page).to_have_url(f"{site.base}/")


@pytest.mark.parametrize(
    ("label", "sub_label", "title"),
    [
        ("tamper", "moved", "Camera moved"),
        ("tamper", "dark", "Too dark to see"),
        ("alarm", "triggered: person at porch", "Alarm: person at porch"),
        ("person", None, "Person"),
    ],
)
def test_what_is_no_object_is_named_too(page: Page, site: Site, label: str, sub_label: str | None, title: str) -> None:
    site.house.happen(label=label, sub_label=sub_label)
    enter(page, site)
    expect(page.locator(".event__title")).to_have_text(title)


def test_the_way_out_of_an_event_stays_in_sight_on_a_phone(page: Page, site: Site) -> None:
    happened(site)
    page.set_viewport_size({"width": 390, "height": 500})
    enter(page, site)
    page.locator(".event__open").first.click()
    expect(page.locator("#shot")).to_be_visible()
    page.locator("#shot").evaluate("node => node.scrollTo(0, node.scrollHeight)")
    assert page.locator("#shot").evaluate("node => node.scrollTop") > 60
    expect(page.locator("#shot > form button")).to_be_in_viewport(ratio=1)
    page.locator("#shot > form button").click()
    expect(page.locator("#shot")).to_be_hidden()


def test_an_open_event_follows_what_happens(page: Page, site: Site) -> None:
    site.house.happen(start_time=START, label="person")
    enter(page, site)
    page.locator(".event__open").click()
    expect(page.locator("#shot-facts")).not_to_contain_text("min")
    site.house.happen("end", start_time=START, end_time=START + 600)
    expect(page.locator("#shot-facts")).to_contain_text("10\u00a0min")


def test_a_clip_that_is_being_closed_is_waited_for(page: Page, site: Site, tmp_path: Path) -> None:
    clip = film(tmp_path / "clip.mp4")
    start = time.time() - 20
    site.house.happen(has_clip=True, start_time=start, frame_size=[64, 48])
    name = site.house.rows[0]["after"]["id"]
    there = [{"status": 404, "json": {"error": "The clip is still being recorded."}}] * 2
    film_of_it = {"body": clip, "content_type": "video/mp4"}
    page.route(f"**/api/clips/{name}.mp4", lambda route: route.fulfill(**(there.pop() if there else film_of_it)))
    enter(page, site)
    page.locator(".event__open").click()
    expect(page.locator("#shot-clip-wrong")).to_have_text("The clip follows when this is over.")
    site.house.happen("end", has_clip=True, start_time=start, end_time=time.time(), frame_size=[64, 48])
    expect(page.locator("#shot-clip-wrong")).to_have_text("The clip is still being recorded.")
    expect(page.locator("#shot-clip")).to_have_js_property("videoWidth", 64)


def test_the_other_pictures_of_an_object_are_there_to_be_looked_at(page: Page, site: Site) -> None:
    name = happened(site)
    site.house.shots[f"{name}-1"] = jpeg(20, (32, 24))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    enter(page, site)
    page.locator(".event__open").click()
    pictures = page.get_by_role("group", name="Pictures").get_by_role("button")
    expect(pictures).to_have_count(2)  # nothing was kept between
    pictures.first.click()
    expect(page.locator("#shot-image")).to_have_js_property("naturalWidth", 32)
    pictures.last.click()
    expect(page.locator("#shot-image")).to_have_js_property("naturalWidth", 64)
    assert [url for url in asked if f"{name}-1.jpg" in url]
    assert not [url for url in asked if f"{name}-2.jpg" in url]  # that would be a 404 in the console
