"""What every request passes before any page sees it, so that no page can forget it.

In this order: Host (DNS rebinding), Origin and Sec-Fetch-Site (other sites), session (closed unless listed as open),
body (small, prompt), CSRF token (whatever is not a GET). Headers that keep a browser strict go on every answer.
"""

from __future__ import annotations

import re
import secrets
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.addresses import plain
from edge.web.auth import Auth, csrf_token
from edge.web.settings import WebSettings

OPEN = frozenset({"/login", "/setup", "/healthz", "/metrics"})
"""What is answered without a session, beside `/static/`. `/metrics` is routed only if it is switched on."""
FORMS = frozenset({"/login", "/setup", "/password", "/logout", "/settings", "/areas", "/steer"})
"""What is meant for people: without a session they are sent to the login page instead of an error."""
BODY_BYTES = 16384
BODY_S = 10.0
FIELDS = 20
"""Of one form; ours have four at most."""
COOKIE_S = 30 * 86400
KNOWN_S = 400 * 86400
"""Browsers keep none for longer (RFC 6265bis, 5.5)."""

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
        "connect-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # with `no-referrer` browsers send `Origin: null` from our own forms
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
SAME_SITE_AGAIN = '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0"><title>edge</title>'
"""A link on another site brings no SameSite=Strict cookie; this page asks again, now as our own site."""


class Guard:
    """The outermost layer of the app. Leaves in `scope["edge"]` a `Visit` for the pages."""

    def __init__(self, app: ASGIApp, auth: Auth, settings: WebSettings) -> None:
        self._app = app
        self._auth = auth
        self._settings = settings
        self._names = cookie_names(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer for the app where a request may not come through."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = Headers(scope=scope)
        visit = scope["edge"] = self._visit(headers, scope)
        strict = _strict(send, scope, visit)
        refused = self._wrong_place(scope, headers) or self._closed(scope, headers, visit)
        if refused is None and scope["method"] not in ("GET", "HEAD"):
            body = await _body(headers, receive)
            refused = body if isinstance(body, Response) else self._forged(scope, headers, visit, body)
            receive = _replay(visit.body, receive)
        await (refused or self._app)(scope, receive, strict)

    def _visit(self, headers: Headers, scope: Scope) -> Visit:
        cookies = _cookies(headers.get("cookie", ""))
        session, form, mark = (cookies.get(name, "") for name in self._names)
        session = session if self._auth.knows(session) else ""
        browser = self._auth.recognise(mark) or (csrf_token(session) if session else "")
        client = scope.get("client")
        return Visit(session, form, plain(client[0]) if client else "local", browser)

    def _wrong_place(self, scope: Scope, headers: Headers) -> Response | None:
        """Another name than ours in Host, or a request that another site's page made."""
        host = headers.get("host", "")
        if not self._settings.answers_to(_hostname(host)):
            return PlainTextResponse(
                f"This page does not answer to the name {_hostname(host)[:80]!r}. If the name is yours, add it to "
                "web.allowed_hosts in the configuration.\n",
                403,
            )
        origin = headers.get("origin")
        if origin is not None:
            try:
                parts = urlsplit(origin)
            except ValueError:
                return PlainTextResponse("The Origin header is malformed.\n", 400)
            schemes = ("https",) if self._settings.cert else ("http", "https")  # a proxy may add the TLS
            if parts.scheme not in schemes or parts.netloc.lower() != host.lower():
                return PlainTextResponse("Refused: asked for by a page of another site.\n", 403)
        if headers.get("sec-fetch-site") == "cross-site":
            follows_link = scope["method"] == "GET" and headers.get("sec-fetch-mode") == "navigate"
            if not (follows_link and headers.get("sec-fetch-dest", "document") == "document"):
                return PlainTextResponse("Refused: asked for by a page of another site.\n", 403)
        return None

    def _closed(self, scope: Scope, headers: Headers, visit: Visit) -> Response | None:
        """Whatever is not listed as open wants a session."""
        path = scope["path"]
        if visit.session or path in OPEN or path.startswith("/static/"):
            return None
        if path == "/" and headers.get("sec-fetch-site") == "cross-site":
            return HTMLResponse(SAME_SITE_AGAIN)
        if path == "/" or path in FORMS:
            return RedirectResponse("/login" if self._auth.first_token() is None else "/setup", 303)
        return JSONResponse({"error": "Log in first."}, 401)

    def _forged(self, scope: Scope, headers: Headers, visit: Visit, body: bytes) -> Response | None:
        """A change without the token that only our own page can know."""
        visit.body = body
        if headers.get("content-type", "").partition(";")[0].strip() == "application/x-www-form-urlencoded":
            try:
                pairs = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=FIELDS)
            except ValueError:
                return PlainTextResponse(f"The form has more than {FIELDS} fields.\n", 400)
            visit.form = {name: values[-1] for name, values in pairs.items()}
        given = headers.get("x-csrf-token") or visit.form.get("csrf", "")
        secret = visit.session or visit.form_secret
        if secret and secrets.compare_digest(given.encode(), csrf_token(secret).encode()):
            return None
        error = "This page is out of date: go back, load it again, then repeat."
        return PlainTextResponse(error, 403) if scope["path"] in FORMS else JSONResponse({"error": error}, 403)


class Visit:
    """What the guard found out about a request.

    session: the secret of an open session, empty without one
    form_secret: the secret behind the CSRF token of a form that is open without a session
    address: of the client, as the socket says (no header is believed)
    browser: names one that was let in before, whether its session is open or over; empty for all others
    form: the fields of a urlencoded body
    """

    __slots__ = ("address", "body", "browser", "form", "form_secret", "session")

    def __init__(self, session: str, form_secret: str, address: str, browser: str) -> None:
        self.session = session
        self.form_secret = form_secret
        self.address = address
        self.browser = browser
        self.body = b""
        self.form: dict[str, str] = {}


def cookie_names(settings: WebSettings) -> tuple[str, str, str]:
    """Names of the session's and the forms' cookie, and of that by which a browser is known again.

    `__Host-` ties them to this host and to TLS (RFC 6265bis).

    Cookies know no ports: with the port in the name, a demo beside the service does not log its owner out.
    """
    name = f"{'__Host-' if settings.cert else ''}edge-{settings.port}"
    return name, f"{name}-form", f"{name}-known"


def set_cookie(response: Response, name: str, secret: str, settings: WebSettings, max_age: int = COOKIE_S) -> None:
    """HttpOnly, SameSite=Strict, for the whole host; Secure with TLS. max_age in seconds, 0 forgets it."""
    response.set_cookie(
        name, secret, max_age=max_age, path="/", secure=settings.cert is not None, httponly=True, samesite="strict"
    )


def _cookies(header: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for piece in header.split(";"):
        name, _, value = piece.strip().partition("=")
        found.setdefault(name, value)  # the first is the one with the closest path
    return found


def _hostname(host: str) -> str:
    """`[::1]:80` is `::1`, `name:80` is `name`."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


async def _body(headers: Headers, receive: Receive) -> bytes | Response:
    too_large = PlainTextResponse("The request is too large.\n", 413, {"connection": "close"})
    length = headers.get("content-length", "0")
    if re.fullmatch("[0-9]{1,9}", length) is None or int(length) > BODY_BYTES:
        return too_large
    held = bytearray()
    with anyio.move_on_after(BODY_S):
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                break
            held += message.get("body", b"")
            if len(held) > BODY_BYTES:
                return too_large
            if not message.get("more_body", False):
                return bytes(held)
    return PlainTextResponse("The request came too slowly.\n", 408, {"connection": "close"})


def _replay(body: bytes, receive: Receive) -> Receive:
    """Hands the app the body that was read already, then what really comes."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


def _strict(send: Send, scope: Scope, visit: Visit) -> Send:
    """No Strict-Transport-Security: it is a promise for all ports of the host, and others may live on it.

    Without a session a connection ends with its answer: seats are few, and a stranger could hold one for good.
    """
    if not scope["path"].startswith("/static/"):
        cache = "no-store"
    elif scope["query_string"].startswith(b"v="):
        cache = "public, max-age=31536000, immutable"
    else:
        cache = "no-cache"

    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message.setdefault("headers", []))
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", cache)
            if not visit.session:
                headers["connection"] = "close"
        await send(message)

    return with_headers


def visit_of(scope: Any) -> Visit:
    """The guard's findings for a request (`request.scope` or the like)."""
    visit: Visit = scope["edge"]
    return visit
