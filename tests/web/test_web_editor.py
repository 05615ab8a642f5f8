"""Zones, lines and masks drawn in a real browser, by mouse, finger and keys, into a real file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from edge.config.areas import kinds
from edge.config.toml import parse
from tests.support.browser import needs_chromium
from tests.support.house import jpeg
from tests.web.conftest import Opener, Site, enter, save

pytestmark = needs_chromium

FILE = """\
# my house
[[camera]]
name = "porch"
source = "synthetic:" # by the door

# up to the door
[[camera.zone]]
name = "path" # paved
points = [[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8]]

[[camera]]
name = "yard"
source = "synthetic:"
"""


@pytest.fixture
def site(open_site: Opener, file: Path) -> Site:
    site = open_site(None, "porch", "yard", file=file)
    for screen in site.house.screens.values():
        screen.show(1, jpeg(90, (640, 480)))
    return site


@pytest.fixture
def editor(page: Page, site: Site) -> Page:
    enter(page, site)
    page.get_by_label("Menu", exact=True).click()
    page.get_by_role("link", name="Zones and lines").click()
    expect(page.get_by_role("img", name="Live picture")).to_be_visible()
    expect(page.locator("#away")).to_be_hidden()
    return page


def at(page: Page, x: float, y: float) -> tuple[float, float]:
    """A place of the picture on the screen."""
    box = page.locator("#drawing").bounding_box()
    assert box is not None
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*at(page, *start))
    page.mouse.down()
    page.mouse.move(*at(page, (start[0] + end[0]) / 2, (start[1] + end[1]) / 2))
    page.mouse.move(*at(page, *end))
    page.mouse.up()


def cameras(file: Path) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = parse(file.read_text())["camera"]
    return listed


def near(points: list[list[float]], wanted: list[tuple[float, float]]) -> None:
    assert [pytest.approx(point, abs=0.01) for point in wanted] == [tuple(point) for point in points]


def test_a_zone_is_drawn_by_mouse_named_and_stored_with_every_comment_kept(
    editor: Page, site: Site, file: Path
) -> None:
    editor.get_by_role("button", name="New zone").click()
    corners = [(0.1, 0.1), (0.4, 0.1), (0.25, 0.4)]
    for corner in corners:
        editor.mouse.click(*at(editor, *corner))
    editor.get_by_role("button", name="Done").click()
    editor.get_by_label("Name of the zone").last.fill("gate")
    editor.get_by_label("Name of the zone").last.blur()
    save(editor)
    path, gate = cameras(file)[0]["zone"]
    assert (path["name"], gate["name"]) == ("path", "gate")
    near(gate["points"], corners)
    block = f'\n[[camera.zone]]\nname = "gate"\npoints = {json.dumps(gate["points"])}\n'
    assert file.read_text() == FILE.replace("0.8]]\n", f"0.8]]\n{block}")
    assert site.desk is not None
    assert [zone.name for zone in site.desk.load().camera[0].zone] == ["path", "gate"]
    assert len(list(file.parent.glob("edge.toml.bak-*"))) == 1


def test_a_tap_on_the_first_corner_closes_a_zone(editor: Page, file: Path) -> None:
    editor.get_by_role("button", name="New zone").click()
    for corner in [(0.1, 0.1), (0.5, 0.1), (0.3, 0.5), (0.11, 0.11)]:
        editor.touchscreen.tap(*at(editor, *corner))
    expect(editor.get_by_role("button", name="Done")).to_be_hidden()
    save(editor)
    near(cameras(file)[0]["zone"][1]["points"], [(0.1, 0.1), (0.5, 0.1), (0.3, 0.5)])


def finger(page: Page) -> CDPSession:
    return page.context.new_cdp_session(page)


def test_a_corner_is_dragged_by_finger(editor: Page, file: Path) -> None:
    editor.touchscreen.tap(*at(editor, 0.5, 0.5))
    expect(editor.get_by_role("button", name="Corner 1 of path")).to_be_visible()
    touch = finger(editor)
    for kind, place in (("touchStart", (0.2, 0.2)), ("touchMove", (0.1, 0.15)), ("touchMove", (0.05, 0.1))):
        x, y = at(editor, *place)
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    save(editor)
    near(cameras(file)[0]["zone"][0]["points"], [(0.05, 0.1), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8)])
    assert 'name = "path" # paved' in file.read_text()


def test_a_corner_is_inserted_deleted_and_brought_back(editor: Page, file: Path) -> None:
    editor.mouse.click(*at(editor, 0.5, 0.5))
    drag(editor, (0.5, 0.2), (0.5, 0.05))
    expect(editor.locator(".corner")).to_have_count(5)
    drag(editor, (0.2, 0.8), (0.1, 0.9))
    editor.get_by_role("button", name="Delete corner").click()
    expect(editor.locator(".corner")).to_have_count(4)
    editor.get_by_role("button", name="Undo").click()
    expect(editor.locator(".corner")).to_have_count(5)
    save(editor)
    wanted = [(0.2, 0.2), (0.5, 0.05), (0.8, 0.2), (0.8, 0.8), (0.1, 0.9)]
    near(cameras(file)[0]["zone"][0]["points"], wanted)


def test_all_of_it_can_be_done_by_keys(editor: Page, file: Path) -> None:
    editor.get_by_role("button", name="New zone").press("Enter")
    editor.get_by_role("button", name="Put it in the middle").press("Enter")
    expect(editor.get_by_label("Name of the zone").last).to_be_focused()
    editor.keyboard.type("lawn")
    editor.keyboard.press("Enter")
    corner = editor.get_by_role("button", name="Corner 1 of lawn")
    corner.focus()
    for _ in range(3):
        editor.keyboard.press("Shift+ArrowLeft")
    editor.keyboard.press("ArrowUp")
    expect(corner).to_be_focused()
    editor.get_by_role("button", name="Corner 3 of lawn").focus()
    editor.keyboard.press("Delete")
    expect(editor.locator(".corner")).to_have_count(3)
    save(editor)
    lawn = cameras(file)[0]["zone"][1]
    assert lawn == {"name": "lawn", "points": [[0.2, 0.345], [0.65, 0.35], [0.35, 0.65]]}


def test_a_zone_is_renamed_and_another_deleted(editor: Page, file: Path) -> None:
    editor.get_by_label("Name of the zone").fill("drive")
    editor.get_by_label("Name of the zone").blur()
    save(editor)
    assert file.read_text() == FILE.replace('"path"', '"drive"')
    editor.get_by_role("button", name="Delete drive").click()
    save(editor)
    assert "zone" not in cameras(file)[0]
    assert "# up to the door" in file.read_text()
    expect(editor.get_by_text("Nothing is drawn yet")).to_be_visible()


def test_sides_that_cross_are_shown_as_wrong_and_not_stored(editor: Page) -> None:
    editor.mouse.click(*at(editor, 0.5, 0.5))
    drag(editor, (0.2, 0.2), (0.9, 0.5))
    expect(editor.get_by_text("Its sides cross: move a corner.")).to_be_visible()
    expect(editor.locator(".area--wrong")).to_have_count(1)
    expect(editor.get_by_role("button", name="Save")).to_be_disabled()
    editor.get_by_role("button", name="Undo").click()
    expect(editor.locator(".area--wrong")).to_have_count(0)


def test_what_the_device_refuses_is_said_at_the_shape(editor: Page, file: Path) -> None:
    editor.get_by_label("Name of the zone").fill("My Path")
    editor.get_by_label("Name of the zone").blur()
    editor.get_by_role("button", name="Save").click()
    expect(editor.locator(".shape__wrong")).to_have_text("only a-z, 0-9 and _ are allowed: did you mean `my_path`?")
    assert file.read_text() == FILE
    expect(editor.get_by_role("alert").first).to_contain_text("Nothing was stored.")
    editor.get_by_label("Name of the zone").fill("my_path")
    editor.get_by_label("Name of the zone").blur()
    expect(editor.locator(".shape__wrong")).to_be_hidden()
    expect(editor.locator("#wrong")).to_be_hidden()


def test_what_was_drawn_while_the_alarm_is_on_is_stored_after_disarming(editor: Page, site: Site, file: Path) -> None:
    site.house.code = "4711"
    site.house.state |= {"alarm": "arming", "alarm_detail": {"code": True}}
    editor.reload()
    expect(editor.locator("#alarm-on")).to_contain_text("The alarm is arming: disarm it before you save")
    editor.get_by_label("Name of the zone").fill("drive")
    editor.get_by_label("Name of the zone").blur()
    editor.get_by_role("button", name="Save").click()
    expect(editor.locator("#wrong")).to_contain_text("disarm it first")
    expect(editor.get_by_role("button", name="Load again")).to_have_count(0)
    site.house.state["alarm"] = "disarmed"
    save(editor)
    assert '"drive"' in file.read_text()


def test_a_file_that_changed_underneath_is_not_overwritten(editor: Page, file: Path) -> None:
    file.write_text(f"{FILE}# by hand\n")
    editor.mouse.click(*at(editor, 0.5, 0.5))
    drag(editor, (0.2, 0.2), (0.1, 0.1))
    editor.get_by_role("button", name="Save").click()
    expect(editor.get_by_role("alert").first).to_contain_text("edge.toml was changed meanwhile: load this page again")
    assert file.read_text() == f"{FILE}# by hand\n"
    editor.once("dialog", lambda dialog: dialog.accept())
    with editor.expect_navigation():
        editor.get_by_role("button", name="Load again").click()
    expect(editor.locator(".shape")).to_have_count(1)
    editor.get_by_label("Name of the zone").fill("drive")
    editor.get_by_label("Name of the zone").blur()
    save(editor)
    assert file.read_text() == f"{FILE}# by hand\n".replace('"path"', '"drive"')


def test_each_camera_has_its_own(editor: Page, file: Path) -> None:
    editor.get_by_label("Camera", exact=True).select_option("yard")
    expect(editor.get_by_text("Nothing is drawn yet")).to_be_visible()
    editor.get_by_role("button", name="New zone").click()
    editor.get_by_role("button", name="Put it in the middle").click()
    save(editor)
    assert [len(camera["zone"]) for camera in cameras(file)] == [1, 1]


def test_a_line_is_drawn_with_its_direction(editor: Page, file: Path) -> None:
    editor.get_by_role("button", name="New line").click()
    for end in [(0.1, 0.9), (0.9, 0.9)]:
        editor.mouse.click(*at(editor, *end))
    editor.get_by_label("Direction of line 1").select_option("in")
    save(editor)
    (line,) = cameras(file)[0]["line"]
    assert (line["name"], line["direction"]) == ("line_1", "in")
    near(line["points"], [(0.1, 0.9), (0.9, 0.9)])
    # The way in goes from left to right, seen from the first end: from here, downwards.
    arrow = editor.locator(".area--line .area__arrow").bounding_box()
    _, y = at(editor, 0, 0.9)
    assert arrow is not None
    assert arrow["y"] + arrow["height"] > y + 10


@pytest.mark.parametrize("mask", [kind for kind in kinds() if kind.endswith("mask")])
def test_a_mask_is_drawn_and_deleted(editor: Page, file: Path, mask: str) -> None:
    name = mask.replace("_", " ").capitalize()
    editor.get_by_role("button", name=f"New {name.lower()}").click()
    editor.get_by_role("button", name="Put it in the middle").click()
    save(editor)
    assert cameras(file)[0][mask] == [[[0.35, 0.35], [0.65, 0.35], [0.65, 0.65], [0.35, 0.65]]]
    editor.get_by_role("button", name=f"Delete {name}").click()
    save(editor)
    assert not cameras(file)[0].get(mask)


def test_a_zone_can_be_needed_for_an_alert_and_keeps_what_the_drawing_does_not_show(editor: Page, file: Path) -> None:
    file.write_text(
        FILE.replace("0.8]]\n", "0.8]]\ninertia = 5 # slow\n[camera.zone.filter.person]\nmin_area = 0.01\n")
    )
    editor.reload()
    editor.get_by_label("needed for an alert").check()
    save(editor)
    assert cameras(file)[0]["required_zones"] == ["path"]
    editor.get_by_label("Name of the zone").fill("drive")
    editor.get_by_label("Name of the zone").blur()
    save(editor)
    assert cameras(file)[0]["required_zones"] == ["drive"]
    (zone,) = cameras(file)[0]["zone"]
    assert (zone["inertia"], zone["filter"]) == (5, {"person": {"min_area": 0.01}})
    assert "inertia = 5 # slow\n" in file.read_text()
    editor.get_by_role("button", name="Delete drive").click()
    save(editor)
    assert {"zone", "required_zones"}.isdisjoint(cameras(file)[0])


def test_a_house_without_a_file_says_so(page: Page, open_site: Opener) -> None:
    site = open_site(None, "porch")
    enter(page, site)
    for path in ("/areas", "/settings"):
        page.goto(site.base + path)
        expect(page.get_by_role("alert").first).to_contain_text("This house runs without a configuration file")


def test_nothing_runs_over_the_side(editor: Page, chromium: Browser) -> None:
    editor.locator(".shape__pick").click()
    for width, height in ((320, 640), (390, 844), (768, 1024), (1280, 800)):
        editor.set_viewport_size({"width": width, "height": height})
        # Waited for: the picture is fitted anew after the window is.
        editor.wait_for_function("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        for button in editor.get_by_role("button").filter(visible=True).all():
            box = button.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 28, button
