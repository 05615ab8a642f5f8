"""The pages that people see: the house itself, and the forms to log in, to set and to change the password.

The forms are plain HTML and work without a script. Handlers are sync: they run in a worker thread, where hashing a
password and writing the file may take their time.
"""

from __future__ import annotations

import secrets

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from edge.web.auth import LONGEST, SHORTEST, Auth, csrf_token, weakness
from edge.web.files import HERE, MODULES, static_url
from edge.web.guard import KNOWN_S, Visit, cookie_names, set_cookie, visit_of
from edge.web.house import House
from edge.web.settings import WebSettings
from edge.web.throttle import Tries


class Pages:
    """Handlers of HTML pages; each takes the request and gives the whole answer."""

    def __init__(self, house: House, auth: Auth, tries: Tries, settings: WebSettings, *, car: bool = False) -> None:
        """car: whether there is a page of one."""
        self._house = house
        self._auth = auth
        self._tries = tries
        self._settings = settings
        self._car = car
        self._session_cookie, self._form_cookie, self._known_cookie = cookie_names(settings)
        self._env = Environment(
            loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        self._env.globals["static"] = static_url
        self._env.globals.update(shortest=SHORTEST, longest=LONGEST)

    def home(self, request: Request) -> Response:
        """The house."""
        visit = visit_of(request.scope)
        status = self._house.status()
        page = self._env.get_template("index.html")
        return HTMLResponse(page.render(csrf=csrf_token(visit.session), status=status, modules=MODULES, car=self._car))

    def settings(self, request: Request) -> Response:
        """The configuration as a form."""
        return self._bare("settings.html", request)

    def areas(self, request: Request) -> Response:
        """Zones, lines and masks on a camera's picture, `?camera=NAME`."""
        return self._bare("areas.html", request)

    def steer(self, request: Request) -> Response:
        """The car."""
        return self._bare("steer.html", request)

    def login(self, request: Request) -> Response:
        """Ask for the password, and let in whoever knows it."""
        visit = visit_of(request.scope)
        if self._auth.first_token() is not None:
            return RedirectResponse("/setup", 303)
        if visit.session:
            return RedirectResponse("/", 303)
        if request.method != "POST":
            return self._form("login.html", visit)
        wait = self._tries.take(visit.address, visit.browser)
        if wait:
            return self._slow_down("login.html", visit, wait)
        if not self._auth.verify(_field(visit, "password")):
            return self._form("login.html", visit, "That is not the password.", 403)
        self._tries.forgive(visit.address, visit.browser)
        return self._let_in()

    def setup(self, request: Request) -> Response:
        """Set the first password with the token that was printed at the start."""
        visit = visit_of(request.scope)
        if self._auth.first_token() is None:
            return RedirectResponse("/login", 303)
        if request.method != "POST":
            return self._form("setup.html", visit, token=request.query_params.get("token", "")[:100])
        token = _field(visit, "token")
        wrong = self._unfit(visit)
        if wrong:
            return self._form("setup.html", visit, wrong, 422, token=token)
        wait = self._tries.take(visit.address, visit.browser)
        if wait:
            return self._slow_down("setup.html", visit, wait, token=token)
        if not self._auth.set_first(token.strip(), _field(visit, "password")):
            wrong = "That is not the token: it is printed anew at each start, look for the newest."
            return self._form("setup.html", visit, wrong, 403, token="")
        self._tries.forgive(visit.address, visit.browser)
        return self._let_in()

    def password(self, request: Request) -> Response:
        """Change the password; every other session ends."""
        visit = visit_of(request.scope)
        if request.method != "POST":
            return self._form("password.html", visit)
        wait = self._tries.take(visit.address, visit.browser)
        if wait:
            return self._slow_down("password.html", visit, wait)
        if not self._auth.verify(_field(visit, "current")):
            return self._form("password.html", visit, "That is not the current password.", 403)
        self._tries.forgive(visit.address, visit.browser)
        wrong = self._unfit(visit)
        if wrong:
            return self._form("password.html", visit, wrong, 422)
        self._auth.change(_field(visit, "password"))
        return self._let_in()

    def logout(self, request: Request) -> Response:
        """End this session."""
        self._auth.leave(visit_of(request.scope).session)
        answer = RedirectResponse("/login", 303)
        set_cookie(answer, self._session_cookie, "", self._settings, max_age=0)
        return answer

    def no_room(self, _request: Request, fault: Exception) -> Response:
        """What could not be stored did not happen; the owner reads why."""
        return HTMLResponse(self._env.get_template("fault.html").render(wrong=str(fault)), 507)

    def _bare(self, template: str, request: Request) -> Response:
        """A page that its script fills."""
        return HTMLResponse(self._env.get_template(template).render(csrf=csrf_token(visit_of(request.scope).session)))

    def _let_in(self) -> Response:
        answer = RedirectResponse("/", 303)
        set_cookie(answer, self._session_cookie, self._auth.enter(), self._settings)
        set_cookie(answer, self._form_cookie, "", self._settings, max_age=0)
        set_cookie(answer, self._known_cookie, self._auth.mark(), self._settings, KNOWN_S)
        return answer

    def _unfit(self, visit: Visit) -> str | None:
        password = _field(visit, "password")
        if password != _field(visit, "again"):
            return "The two passwords differ."
        return weakness(password)

    def _slow_down(self, template: str, visit: Visit, wait: float, **more: str) -> Response:
        text = f"Too many tries. Wait {f'{wait:.0f} seconds' if wait < 90 else f'{wait / 60:.0f} minutes'}, then again."
        answer = self._form(template, visit, text, 429, **more)
        answer.headers["retry-after"] = str(int(wait) + 1)
        return answer

    def _form(self, template: str, visit: Visit, wrong: str = "", code: int = 200, **more: str) -> Response:
        secret = visit.session or visit.form_secret or secrets.token_urlsafe(16)
        page = self._env.get_template(template).render(csrf=csrf_token(secret), wrong=wrong, **more)
        answer = HTMLResponse(page, code)
        if not visit.session and not visit.form_secret:
            set_cookie(answer, self._form_cookie, secret, self._settings, max_age=86400)
        return answer


def _field(visit: Visit, name: str) -> str:
    return visit.form.get(name, "")[: LONGEST + 1]
