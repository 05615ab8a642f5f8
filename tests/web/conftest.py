"""A page over a house in memory: called directly for the rules, served on a free port for streams and browsers."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from starlette.applications import Starlette

from edge.config.desk import Desk
from edge.config.load import load_text
from edge.web.app import build, first_url
from edge.web.server import listen, serve
from edge.web.settings import WebSettings
from edge.web.steering import Wheel
from tests.support.browser import CHROMIUM, FLAGS
from tests.support.house import MemoryHouse
from tests.support.stand_ins import Hands

PASSWORD = "correct horse"


@dataclass
class Site:
    """A page, and clients of it. `browser` keeps cookies and sends our own Origin, as a browser does."""

    app: Starlette
    house: MemoryHouse
    settings: WebSettings
    hands: Hands
    port: int
    browser: httpx.Client
    desk: Desk | None = None
    clients: list[httpx.Client] = field(default_factory=list)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def another(self) -> httpx.Client:
        """A client without cookies; the fixture closes it."""
        self.clients.append(httpx.Client(base_url=self.base, timeout=10))
        return self.clients[-1]

    def csrf(self, path: str = "/", client: httpx.Client | None = None) -> str:
        """The token as the page of `path` carries it."""
        page = (client or self.browser).get(path).text
        found = re.search(r'name="csrf" (?:value|content)="(\w+)"', page)
        assert found is not None, page
        return found[1]

    def set_password(self, password: str = PASSWORD) -> httpx.Response:
        form = {"token": self.app.state.auth.first_token() or "", "password": password, "again": password}
        return self.browser.post("/setup", data={**form, "csrf": self.csrf("/setup")})

    def log_in(self, password: str = PASSWORD, client: httpx.Client | None = None) -> httpx.Response:
        client = client or self.browser
        return client.post("/login", data={"password": password, "csrf": self.csrf("/login", client)})

    def set_alarm(self, mode: str, code: str | None = None) -> httpx.Response:
        return self.browser.post("/api/alarm", json={"mode": mode, "code": code}, headers={"x-csrf-token": self.csrf()})


Opener = Callable[..., Site]


def load_again(desk: Desk) -> None:
    """What the daemon does with a changed file."""
    desk.load()
    desk.reloaded(None)


@pytest.fixture
def open_site(tmp_path: Path) -> Iterator[Opener]:
    """Serve a page on a free loopback port; stopped when the test ends."""
    stop = threading.Event()
    threads: list[threading.Thread] = []
    sites: list[Site] = []

    def opener(
        settings: WebSettings | None = None,
        *cameras: str,
        hands: Hands | None = None,
        file: Path | None = None,
        wheel: Wheel | None = None,
    ) -> Site:
        settings = settings or WebSettings(port=0)
        house = MemoryHouse(*cameras)
        hands = hands or Hands()
        desk = None if file is None else Desk(file, load_text)
        if desk is not None:
            desk.listen(partial(load_again, desk))
            load_again(desk)
        app = build(house, settings, tmp_path, hands, desk, wheel)
        sock = listen(settings)
        port = sock.getsockname()[1]
        thread = threading.Thread(target=serve, args=(app, settings, stop, sock), name="web")
        thread.start()
        threads.append(thread)
        browser = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10)
        browser.headers["origin"] = f"http://127.0.0.1:{port}"
        sites.append(Site(app, house, settings, hands, port, browser, desk, [browser]))
        return sites[-1]

    yield opener
    for client in [client for site in sites for client in site.clients]:
        client.close()
    stop.set()
    for thread in threads:
        thread.join(3)
        assert not thread.is_alive()


@pytest.fixture
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A configuration in a folder of its own: the FILE of the test's module."""
    path = tmp_path / "etc" / "edge.toml"
    path.parent.mkdir()
    path.write_text(request.module.FILE)
    return path


@pytest.fixture
def site(open_site: Opener) -> Site:
    """One camera, `porch`; no password yet."""
    return open_site(None, "porch")


@pytest.fixture
def home(site: Site) -> Site:
    """The same with a password set and the browser logged in."""
    assert site.set_password().status_code == 303
    return site


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A phone's page; a script error or a breach of the content policy fails the test."""
    context = chromium.new_context(viewport={"width": 390, "height": 844}, locale="en-GB", has_touch=True)
    page = context.new_page()
    page.set_default_timeout(15_000)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: wrong.append(line.text) if "Content Security Policy" in line.text else None)
    yield page
    context.close()
    assert wrong == []


def enter(page: Page, site: Site) -> None:
    """As the owner does on the first day: the printed address, a password twice."""
    page.goto(str(first_url(site.app, site.settings, site.port)))
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("Once more").fill(PASSWORD)
    page.get_by_role("button", name="Set password").click()
    page.wait_for_url(site.base + "/")


def save(page: Page) -> None:
    """Press the button of the zones or the settings, and see it done."""
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#said")).to_have_text("Stored, and in use.")
