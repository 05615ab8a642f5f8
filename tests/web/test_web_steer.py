"""The car's page over a real drive: what it sees and does, and a hand on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from edge.steer.wheel import Wheel
from tests.support.broker import eventually
from tests.support.browser import needs_chromium
from tests.support.driving import Drive, driving
from tests.support.film import film
from tests.web.conftest import Opener, Site, enter


@pytest.fixture
def drive(tmp_path: Path) -> Iterator[Drive]:
    clip = film(tmp_path / "road.mp4", pictures=600, fps=30, w=64)
    folder = tmp_path / "car"
    folder.mkdir()
    settings = f'[steer]\nsource = "file:{clip}"\nloop = true\n'
    with driving(folder, settings, "--pilot", "tests.support.pilots:steer") as drive:
        drive.reaches("DISARM", "disarmed")
        yield drive


@pytest.fixture
def car(open_site: Opener, drive: Drive) -> Site:
    return open_site(None, "porch", wheel=Wheel(drive.node))


def test_orders_and_states(car: Site, drive: Drive) -> None:
    assert car.browser.get("/api/steer").status_code == 401
    car.set_password()
    assert 'href="/steer"' in car.browser.get("/").text
    token = {"x-csrf-token": car.csrf()}
    eventually(lambda: car.browser.get("/api/steer").json()["trouble"] is None)
    for order, state in (("arm", "armed"), ("engage", "engaged"), ("disarm", "disarmed"), ("estop", "fault")):
        assert car.browser.post(f"/api/steer/{order}", json={}, headers=token).json()["state"] == state
    assert car.browser.post("/api/steer/arm", json={}).status_code == 403
    assert car.browser.post("/api/steer/fly", json={}, headers=token).status_code == 404
    picture = car.browser.get("/steer/view.jpg")
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.content[:2] == b"\xff\xd8"
    drive.ended()
    assert car.browser.get("/api/steer").status_code == 503
    assert car.browser.get("/steer/view.jpg").status_code == 503


def test_a_house_without_a_car_has_no_page_of_it(home: Site) -> None:
    assert home.browser.get("/steer").status_code == 404
    assert "/steer" not in home.browser.get("/").text


@pytest.mark.chromium
@needs_chromium[1]
def test_a_hand_on_the_car_in_a_browser(page: Page, car: Site, drive: Drive) -> None:
    enter(page, car)
    page.goto(car.base + "/steer")
    expect(page.locator("#state")).to_have_text("Disarmed")
    expect(page.locator("#view")).to_be_visible()
    eventually(lambda: drive.order("STATUS")["trouble"] is None)
    page.get_by_role("button", name="Arm", exact=True).click()
    expect(page.locator("#state")).to_have_text("Armed")
    page.get_by_role("button", name="Engage").click()
    expect(page.locator("#state")).to_have_text("Engaged")
    expect(page.locator("#given")).to_have_text("0.50, 0.20")
    expect(page.locator("#arc")).to_have_attribute("d", "M50 50 Q50 35 56.7 28 T70.0 20")
    expect(page.locator("#late")).to_contain_text("ms")
    shape = page.locator("#view").evaluate("view => view.clientWidth / view.clientHeight")
    assert shape == pytest.approx(64 / 48, rel=0.02), "the picture is not stretched"
    page.evaluate("scrollTo(0, 0)")
    expect(page.get_by_role("button", name="Emergency stop")).to_be_in_viewport(ratio=1)
    page.get_by_role("button", name="Emergency stop").click()
    expect(page.locator("#state")).to_have_text("Fault")
    expect(page.get_by_role("button", name="Engage")).to_be_disabled()
    drive.ended()
    expect(page.locator("#state")).to_have_text("No steering runs")


@pytest.mark.chromium
@needs_chromium[1]
def test_the_dead_man_of_the_page_never_has_words_in_a_queue(page: Page, car: Site, drive: Drive) -> None:
    enter(page, car)
    page.goto(car.base + "/steer")
    expect(page.locator("#hold")).to_be_enabled()
    waiting: list[Route] = []
    page.route("**/api/steer/hold", lambda route: waiting.append(route))
    page.locator("#hold").hover()
    page.mouse.down()
    page.wait_for_timeout(700)
    assert len(waiting) == 1, "the next word waits for the answer to the one before"
    page.mouse.up()
    waiting[0].continue_()
    page.wait_for_timeout(400)
    assert len(waiting) == 1


@pytest.mark.chromium
@needs_chromium[1]
def test_the_dead_man_of_the_page_is_let_go_by_a_link_that_fails(page: Page, car: Site, drive: Drive) -> None:
    enter(page, car)
    page.goto(car.base + "/steer")
    expect(page.locator("#hold")).to_be_enabled()
    told: list[str] = []
    page.on("request", lambda request: told.append(request.url) if request.url.endswith("/hold") else None)
    page.locator("#hold").hover()
    page.mouse.down()
    page.wait_for_timeout(400)
    assert len(told) > 1
    page.route("**/api/steer", lambda route: route.abort())
    expect(page.locator("#hold")).to_be_disabled()
    page.mouse.up()  # over a button that is disabled
    page.unroute("**/api/steer")
    expect(page.locator("#hold")).to_be_enabled()
    told.clear()
    page.wait_for_timeout(400)
    assert not told
