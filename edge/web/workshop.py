"""What the settings and the drawing ask: the configuration read, changed and loaded again. JSON, behind the guard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from edge.config import areas
from edge.config.desk import ChangedError, Desk, version_of
from edge.config.diagnose import ConfigFindings, dotted
from edge.config.edit import Change, edited
from edge.config.form import check_changes, form, values, wants_code
from edge.config.leaks import check_secrets, known_of, text_of
from edge.config.spoken import spoken
from edge.config.toml import parse
from edge.errors import UserError
from edge.web.answers import json_object
from edge.web.auth import LONGEST, Auth
from edge.web.guard import Visit, visit_of
from edge.web.house import Settings
from edge.web.throttle import Tries

MOST_CHANGES = 200
DEEPEST = 8
"""Levels of a key and of a value."""
SAID = 3
"""Mistakes that a refusal names; the page shows the others at their fields."""
FRESH_S = 1800.0
"""How long after the password was given the configuration may be changed."""
NO_FILE = "This house runs without a configuration file: there is nothing to change."


class Workshop:
    """Handlers for the settings' and the drawing's scripts. Sync: each runs in a worker thread and may wait for a disk.

    Whoever finds a phone that is logged in may look and arm; to change the house, the password has to be given again
    where that was long ago.

    Args:
        desk: the file; None where the daemon runs without one
        house: says whether a change may be made now, and writes it down
    """

    def __init__(self, desk: Desk | None, house: Settings, auth: Auth, tries: Tries) -> None:
        self._desk, self._house, self._auth, self._tries = desk, house, auth, tries

    def config(self, request: Request) -> Response:
        """GET /api/config: the form, its values without secrets, and the version to send back with changes.

        PATCH {"version", "changes": [{"key": [...], "value": ...}], "code": str|null}: stores them; null takes a key
        out. The code is one of the alarm's, where a change wants it.
        """
        desk = self._desk
        if desk is None:
            return _missing(NO_FILE)
        if request.method == "PATCH":
            return self._store(desk, visit_of(request.scope), lambda _data, wish: _changes(wish))
        text = desk.text()
        told = {"version": version_of(text), "file": str(desk.path), "unwritable": desk.unwritable()}
        return JSONResponse({**told, "form": form(), "values": values(_parsed(text))})

    def areas(self, request: Request) -> Response:
        """GET /api/config/areas/{camera}: what is drawn on its picture. PUT the same with `version`: stores it."""
        desk, camera = self._desk, request.path_params["camera"]
        if desk is None:
            return _missing(NO_FILE)
        if request.method == "PUT":
            visit = visit_of(request.scope)
            return self._store(desk, visit, lambda data, wish: areas.changes_to(data, camera, wish))
        text = desk.text()
        told = {"version": version_of(text), "file": str(desk.path), "unwritable": desk.unwritable()}
        return JSONResponse({**told, **areas.areas(_parsed(text), camera)})

    def loaded(self, _request: Request) -> Response:
        """GET /api/config/loaded: the version that the daemon runs, and what became of the newest reload."""
        if self._desk is None:
            return _missing(NO_FILE)
        return JSONResponse(asdict(self._desk.loaded))

    def unlock(self, request: Request) -> Response:
        """POST /api/config/unlock {"password"}: changes are allowed again for a while."""
        visit = visit_of(request.scope)
        password = (json_object(visit.body) or {}).get("password")
        if not isinstance(password, str) or len(password) > LONGEST:
            return JSONResponse({"error": 'Wanted: {"password": "..."}.'}, 400)
        wait = self._tries.take(visit.address, visit.browser)
        if wait:
            error = f"Too many tries. Wait {wait:.0f} seconds."
            return JSONResponse({"error": error}, 429, {"retry-after": str(int(wait) + 1)})
        if not self._auth.verify(password):
            return JSONResponse({"error": "That is not the password."}, 403)
        self._tries.forgive(visit.address, visit.browser)
        self._auth.renew(visit.session)
        return JSONResponse({})

    def _store(
        self, desk: Desk, visit: Visit, changes_of: Callable[[Mapping[str, Any], Mapping[str, Any]], list[Change]]
    ) -> Response:
        if self._auth.age(visit.session) > FRESH_S:
            return JSONResponse({"error": "Give the password again to change the house.", "locked": True}, 403)
        wish = json_object(visit.body)
        if wish is None or not isinstance(wish.get("version"), str):
            return JSONResponse({"error": 'Wanted: a JSON object with the "version" that was read.'}, 400)

        by, changes, after, name = f"web {visit.address}", list[Change](), "", None

        def edit(text: str) -> str:
            nonlocal after, name
            self._house.settings_open(by)
            before = _parsed(text)
            changes.extend(changes_of(before, wish))
            after = edited(text, changes)
            check_changes(before, _parsed(after), changes)
            kept = self._house.settings_kept()
            known = known_of(kept, before)
            check_secrets(str(desk.path), before, after, changes, known)
            if wants_code(before, _parsed(after)):
                name = self._house.settings_vouched(_code(wish), by)
            if after != text and (fresh := text_of(known)) != (kept or text_of(frozenset())):
                self._house.settings_keep(fresh)  # before the file may lose them
            return after

        try:
            version = desk.store(wish["version"], edit, by)
        except ChangedError as fault:
            return JSONResponse({"error": str(fault), "changed": True}, 409)
        except ConfigFindings as fault:
            findings = [asdict(each) for each in fault.findings]
            told = [_spoken(each.key, each.message, _parsed(after)) for each in fault.findings[:SAID]]
            more = f" (and {len(findings) - SAID} more)" if len(findings) > SAID else ""
            error = f"{'; '.join(told)}{more}. Nothing was stored."
            return JSONResponse({"error": error, "findings": findings}, 422)
        if changes:
            self._house.settings_changed([dotted(change.loc) for change in changes], by, name)
        # After the answer: the reload closes this very connection.
        return JSONResponse({"version": version}, background=BackgroundTask(desk.reload))


def _spoken(key: str, message: str, data: Mapping[str, Any]) -> str:
    return f"{spoken(key, data)}: {message}" if key else message


def _changes(wish: Mapping[str, Any]) -> list[Change]:
    """Raises UserError for what are no changes."""
    listed = wish.get("changes")
    if not isinstance(listed, list) or len(listed) > MOST_CHANGES:
        raise UserError(f"`changes` is a list of at most {MOST_CHANGES}")
    changes = []
    for each in listed:
        key = each.get("key") if isinstance(each, dict) else None
        if not isinstance(key, list) or not 1 <= len(key) <= DEEPEST or not all(map(_is_part, key)):
            raise UserError('a change is {"key": ["camera", 0, "min_score"], "value": 0.5}')
        if not _is_shallow(each.get("value"), DEEPEST):
            raise UserError("a value is nested too deeply")
        changes.append(Change(tuple(key), each.get("value")))
    return changes


def _code(wish: Mapping[str, Any]) -> str | None:
    code = wish.get("code")
    if code is not None and not isinstance(code, str):
        raise UserError("`code` is a text")
    return code


def _is_part(part: Any) -> bool:
    return isinstance(part, str) or (isinstance(part, int) and not isinstance(part, bool) and 0 <= part < 1000)


def _is_shallow(value: Any, levels: int) -> bool:
    if not isinstance(value, (list, dict)):
        return True
    within = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_is_shallow(each, levels - 1) for each in within)


def _parsed(text: str) -> dict[str, Any]:
    try:
        return parse(text.replace("\r\n", "\n"))
    except ValueError as fault:
        raise UserError(f"the file is no valid TOML at the moment: {fault}. Mend it on the device") from None


def _missing(text: str) -> Response:
    return JSONResponse({"error": text}, 404)
