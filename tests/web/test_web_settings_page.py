"""The settings in a real browser: what is changed is stored, what is wrong is said at its field."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from edge.config.toml import parse
from edge.web.workshop import FRESH_S
from tests.support.browser import needs_chromium
from tests.web.conftest import PASSWORD, Opener, Site, enter, save

pytestmark = needs_chromium

FILE = """\
# my house
[[camera]]
name = "porch"
source = "rtsp://viewer:hunter2@192.168.1.20/1" # by the door
labels = ["person"]

# to Home Assistant
[mqtt]
host = "broker" # in the cellar
username = "edge"
password = "swordfish"
"""


@pytest.fixture
def site(open_site: Opener, file: Path) -> Site:
    return open_site(None, "porch", file=file)


@pytest.fixture
def form(page: Page, site: Site) -> Page:
    enter(page, site)
    page.get_by_label("Menu", exact=True).click()
    page.get_by_role("link", name="Settings").click()
    expect(section(page, "MQTT")).to_be_visible()
    return page


def section(page: Page, name: str) -> Locator:
    return page.locator("summary").filter(has=page.get_by_role("heading", name=name, exact=True))


def field(page: Page, key: str) -> Locator:
    return page.locator(f'[id="field-{key}"]')


def test_what_is_changed_is_stored_and_all_else_stays(form: Page, site: Site, file: Path) -> None:
    section(form, "MQTT").click()
    expect(form.get_by_role("button", name="Save")).to_be_disabled()
    field(form, "mqtt.port").fill("8883")
    field(form, "mqtt.tls").check()
    field(form, "mqtt.version").select_option("3.1.1")
    expect(form.locator("#said")).to_have_text("3 changes")
    section(form, "Cameras").click()
    section(form, "Porch").click()
    field(form, "camera[0].labels").fill("person\ndog")
    save(form)
    added = 'password = "swordfish"\nport = 8883\ntls = true\nversion = "3.1.1"\n'
    wanted = FILE.replace('password = "swordfish"\n', added).replace('["person"]', '["person", "dog"]')
    assert file.read_text() == wanted
    assert site.desk is not None
    assert site.desk.load().mqtt.port == 8883
    expect(field(form, "mqtt.port")).to_have_value("8883")
    field(form, "mqtt.port").fill("")
    save(form)
    assert file.read_text() == wanted.replace("port = 8883\n", "")


def test_a_wrong_value_is_said_at_its_field_and_nothing_is_stored(form: Page, file: Path) -> None:
    section(form, "Mail").click()
    field(form, "email.throttle_s").fill("soon")
    field(form, "email.host").fill("smtp.example.org")
    section(form, "Mail").click()  # what is closed is opened where something is wrong
    form.get_by_role("button", name="Save").click()
    wrong = form.locator(".field__wrong").filter(visible=True)
    expect(wrong).to_have_text(["must be a number, without quotes"])
    expect(field(form, "email.throttle_s")).to_have_attribute("aria-invalid", "true")
    expect(field(form, "email.throttle_s")).to_be_focused()
    field(form, "email.throttle_s").fill("30")
    form.get_by_role("button", name="Save").click()
    expect(wrong).to_have_text(['`from` is missing: write `from = "edge@example.org"`'])
    assert file.read_text() == FILE


def test_a_password_is_never_shown_and_is_kept_until_it_is_replaced(form: Page, site: Site, file: Path) -> None:
    seen: list[str] = []
    form.on("response", lambda answer: seen.append(answer.text()) if answer.url.endswith("/api/config") else None)
    form.reload()
    section(form, "MQTT").click()
    expect(field(form, "mqtt.password")).to_have_attribute("placeholder", "set; leave empty to keep it")
    field(form, "mqtt.host").fill("other")
    form.get_by_role("button", name="Save").click()
    expect(form.locator(".field__wrong").filter(visible=True)).to_contain_text("the password is wanted anew")
    field(form, "mqtt.password").fill("swordfish")
    save(form)
    assert seen
    assert not any(secret in text for text in seen for secret in ("swordfish", "hunter2"))
    assert file.read_text() == FILE.replace('"broker"', '"other"')
    field(form, "mqtt.password").fill("${MQTT}")
    form.get_by_role("button", name="Save").click()
    expect(form.locator(".field__wrong").filter(visible=True)).to_contain_text("no secret `MQTT`")
    field(form, "mqtt.password").fill("new")
    save(form)
    assert parse(file.read_text())["mqtt"]["password"] == "new"
    form.get_by_role("button", name="Take it out").click()
    save(form)
    assert "password" not in parse(file.read_text())["mqtt"]


def test_a_camera_is_added_and_removed(form: Page, file: Path) -> None:
    section(form, "Cameras").click()
    section(form, "Porch").click()
    expect(field(form, "camera[0].source")).to_have_value("rtsp://***@192.168.1.20/1")
    section(form, "Porch").click()
    form.get_by_role("button", name="Add camera").click()
    field(form, "camera[1].name").fill("yard")
    field(form, "camera[1].source").fill("synthetic:")
    save(form)
    block = '\n\n[[camera]]\nname = "yard"\nsource = "synthetic:"\n'
    assert file.read_text() == FILE.replace('["person"]\n', f'["person"]{block}')
    form.get_by_role("button", name="Remove Yard").click()
    save(form)
    assert file.read_text() == FILE


def test_a_list_is_typed_with_commas_or_lines_and_no_brackets(form: Page, file: Path) -> None:
    section(form, "Cameras").click()
    section(form, "Porch").click()
    labels = field(form, "camera[0].labels")
    expect(labels).to_have_attribute("placeholder", "one a line")
    expect(form.locator('[id="field-camera[0].labels-doc"]')).to_contain_text("motion alone needs no model")
    assert not [text for text in form.locator("#form .fine").all_text_contents() if "[" in text or "in quotes" in text]
    labels.fill("person, motion")
    save(form)
    assert '["person", "motion"]' in file.read_text()
    section(form, "Mail").click()
    field(form, "email.quiet_hours").fill("fri,sat 23:00-09:00")
    save(form)
    assert '["fri,sat 23:00-09:00"]' in file.read_text()


def test_while_the_alarm_is_on_that_is_said_first_and_saving_can_be_tried_again(
    page: Page, site: Site, file: Path
) -> None:
    site.house.code = "4711"
    site.house.state |= {"alarm": "armed_away", "alarm_detail": {"code": True}}
    enter(page, site)
    page.goto(f"{site.base}/settings")
    expect(page.locator("#alarm-on")).to_have_text(
        "The alarm is armed away: disarm it before you save what you change here."
    )
    section(page, "MQTT").click()
    field(page, "mqtt.port").fill("8883")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#wrong")).to_contain_text("disarm it first")
    expect(page.get_by_role("button", name="Load again")).to_have_count(0)
    site.house.state["alarm"] = "disarmed"
    save(page)
    expect(page.locator("#alarm-on")).to_be_hidden()
    assert "8883" in file.read_text()


def test_a_file_that_changed_underneath_is_not_overwritten(form: Page, file: Path) -> None:
    section(form, "MQTT").click()
    field(form, "mqtt.port").fill("8883")
    file.write_text(f"{FILE}# by hand\n")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("alert").first).to_contain_text("edge.toml was changed meanwhile: load this page again")
    assert file.read_text() == f"{FILE}# by hand\n"
    with form.expect_navigation():
        form.get_by_role("button", name="Load again").click()
    section(form, "MQTT").click()
    expect(field(form, "mqtt.port")).to_have_value("")


def test_a_file_that_may_not_be_written_is_said_before_anything_is_typed(
    form: Page, site: Site, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert site.desk is not None
    if file.parent.stat().st_mode & stat.S_IWUSR:
        monkeypatch.setattr(site.desk, "unwritable", lambda: "/etc/edge is read-only here")
    form.reload()
    expect(form.get_by_role("alert").first).to_have_text("Nothing can be stored: /etc/edge is read-only here.")
    section(form, "MQTT").click()
    field(form, "mqtt.port").fill("8883")
    expect(form.get_by_role("button", name="Save")).to_be_disabled()


def test_a_reload_that_fails_is_told(form: Page, site: Site, file: Path) -> None:
    assert site.desk is not None
    desk = site.desk
    desk.listen(lambda: desk.reloaded("the model cannot be loaded"))
    section(form, "MQTT").click()
    field(form, "mqtt.port").fill("8883")
    form.get_by_role("button", name="Save").click()
    expect(form.locator("#said")).to_have_text("Stored, but not in use: the daemon goes on as it was.")
    expect(form.get_by_role("alert").first).to_have_text("the model cannot be loaded")


def test_after_a_while_the_password_is_asked_for_before_anything_is_changed(form: Page, site: Site, file: Path) -> None:
    section(form, "MQTT").click()
    field(form, "mqtt.port").fill("8883")
    site.hands.now += FRESH_S + 1
    form.get_by_role("button", name="Save").click()
    dialog = form.get_by_role("dialog")
    expect(dialog).to_contain_text("Give the password again")
    dialog.get_by_label("Password", exact=True).fill("a guess")
    dialog.get_by_role("button", name="Go on").click()
    expect(dialog).to_contain_text("That is not the password.")
    assert file.read_text() == FILE
    dialog.get_by_role("button", name="Cancel").click()
    expect(form.get_by_role("alert").first).to_contain_text("Give the password again")
    form.get_by_role("button", name="Save").click()
    dialog.get_by_label("Password", exact=True).fill(PASSWORD)
    form.keyboard.press("Enter")
    expect(form.locator("#said")).to_have_text("Stored, and in use.")
    assert parse(file.read_text())["mqtt"]["port"] == 8883


def test_who_may_disarm_is_changed_once_the_alarms_code_is_given(form: Page, site: Site, file: Path) -> None:
    site.house.code = "4711"
    site.house.state["alarm"] = "disarmed"
    section(form, "Alarm").click()
    section(form, "Code").click()
    form.get_by_role("button", name="Add code").click()
    field(form, "alarm.code[0].name").fill("guest")
    field(form, "alarm.code[0].code").fill("9999")
    form.get_by_role("button", name="Save").click()
    dialog = form.get_by_role("dialog")
    expect(dialog).to_contain_text("The code is needed.")
    dialog.get_by_label("Code", exact=True).fill("1234")
    dialog.get_by_role("button", name="Go on").click()
    expect(dialog).to_contain_text("That is not the code.")
    dialog.get_by_role("button", name="Cancel").click()
    expect(form.get_by_role("alert").first).to_contain_text("That is not the code.")
    assert file.read_text() == FILE
    form.get_by_role("button", name="Save").click()
    dialog.get_by_label("Code", exact=True).fill("4711")
    form.keyboard.press("Enter")
    expect(form.locator("#said")).to_have_text("Stored, and in use.")
    assert parse(file.read_text())["alarm"]["code"] == [{"name": "guest", "code": "9999"}]


def test_nothing_runs_over_the_side(form: Page) -> None:
    form.evaluate("for (const box of document.querySelectorAll('details')) box.open = true")
    for width, height in ((320, 640), (390, 844), (768, 1024), (1280, 800)):
        form.set_viewport_size({"width": width, "height": height})
        over = form.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0, width


def test_an_answer_of_something_in_between_is_not_shown_as_the_devices_words(page: Page, site: Site) -> None:
    page.route("**/api/config", lambda route: route.fulfill(status=502, content_type="text/html", body="<h1>Bad</h1>"))
    enter(page, site)
    page.goto(site.base + "/settings")
    expect(page.get_by_role("alert")).to_have_text("The device gave no answer that can be read.")
