"""How a form that never shows a secret could still be used to have one, and what keeps it in.

Reports and the status show most values, and whoever is connected to is told a login: so a form may neither have a
secret filled in where values are shown, nor have one told to others than it was told to before.

A `${NAME}` says nothing to whoever types it, so that it was typed proves nothing, and a host that a form has set
before may be anybody's. It may be typed for a host that is told it by the file, or was by an earlier one, and where no
file ever used that name: an owner's first use of it. What was ever used is kept as a text of `Known`, since a form can
take a key out of the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from edge.config.checks import leaves
from edge.config.diagnose import Document, Finding, refuse
from edge.config.edit import Change
from edge.config.form import secret_paths
from edge.config.places import Loc, places
from edge.config.secrets import REFERENCE
from edge.config.toml import parse
from edge.errors import StorageError

CONNECTED = {"mqtt": "host", "email": "host", "camera": "source"}
"""Tables of which somebody is told the login, and the key that says who."""
SMTPS_PORT = 465


@dataclass(frozen=True, slots=True)
class Use:
    """Where a secret stands: name, table and host (or key, where nobody is told it), and whether it goes in clear."""

    name: str
    at: str
    clear: bool


Known = frozenset[Use]


def known_of(kept: str | None, data: Mapping[str, Any]) -> Known:
    """Where secrets stood, from `text_of` an earlier `Known`, and where they stand in the tables of a file.

    Raises:
        StorageError: the text is none.
    """
    try:
        earlier = [Use(str(name), str(at), clear is True) for name, at, clear in json.loads(kept or "[]")]
    except (ValueError, TypeError):
        raise StorageError("where secrets were used cannot be read: change the file itself, on the device") from None
    return frozenset([*earlier, *(use for _, use in _uses(data))])


def text_of(known: Known) -> str:
    """A text to keep."""
    return json.dumps(sorted([use.name, use.at, use.clear] for use in known))


def check_secrets(name: str, before: Mapping[str, Any], text: str, changes: Iterable[Change], known: Known) -> None:
    """Refuse a change by a form that would have a secret shown or told to others.

    Args:
        name: of the file
        before: its tables
        text: the file with the changes
        known: where secrets stood, now and earlier

    Raises:
        ConfigFindings: it would.
    """
    text = text.replace("\r\n", "\n")
    after = parse(text)
    found = [*_sent(before, after, changes), *_spread(after, known), *_shown(before, after)]
    if found:
        each = {finding.loc: finding for finding in found}
        raise refuse(Document(name, text, places(text)), list(each.values()))


def _shown(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Finding]:
    """References where values are shown."""
    stood = {(_keys(loc), value) for loc, value in leaves(before) if isinstance(value, str)}
    for loc, value in leaves(after):
        if not isinstance(value, str) or not _names(value) or _keys(loc) in secret_paths():
            continue
        if (_keys(loc), value) not in stood:
            advice = "write it in the file, on the device"
            yield Finding(loc, "from this page a `${NAME}` is filled in for passwords and codes alone", advice)


def _spread(after: Mapping[str, Any], known: Known) -> Iterator[Finding]:
    """References to secrets that were used, but not there."""
    names = {use.name for use in known}
    for loc, use in _uses(after):
        if use.name in names and not {use, Use(use.name, use.at, clear=True)} & known:
            advice = f"write it in the file, on the device, to use it for {use.at}{' in clear' * use.clear}"
            yield Finding(loc, f"`${{{use.name}}}` was used elsewhere: this page tells it to nobody else", advice)


def _sent(before: Mapping[str, Any], after: Mapping[str, Any], changes: Iterable[Change]) -> Iterator[Finding]:
    """Passwords that are written out in the file, and would be told to others by somebody who may not know them."""
    known = {(at, clear, password) for _, at, clear, password in _logins(before)}
    given = {text for change in changes for _, text in leaves({"": change.value}) if isinstance(text, str)}
    for loc, at, clear, password in _logins(after):
        told = {(at, clear, password), (at, True, password)} & known
        if not told and password not in given and not REFERENCE.fullmatch(password):
            what = "the host is another one, or is told in clear: the password is wanted anew"
            yield Finding(loc, what, "write it out, or take it out")


def _logins(data: Mapping[str, Any]) -> Iterator[tuple[Loc, str, bool, str]]:
    """Passwords beside a host: their place, who is told, whether in clear, the password."""
    for loc, password in leaves(data):
        if isinstance(password, str) and len(_keys(loc)) == 2 and loc[0] in CONNECTED and loc[-1] == "password":
            yield loc, *_told(data, loc), password


def _uses(data: Mapping[str, Any]) -> Iterator[tuple[Loc, Use]]:
    """References, but those beside a host that is not set yet: nobody is told them."""
    for loc, value in leaves(data):
        for name in _names(value) if isinstance(value, str) else ():
            at, clear = _told(data, loc)
            if at not in CONNECTED:
                yield loc, Use(name, at, clear)


def _told(data: Mapping[str, Any], loc: Loc) -> tuple[str, bool]:
    """Who is told a value, as table and host, and whether in clear; its key, where nobody can be."""
    top = str(loc[0])
    table = data[top]
    if isinstance(table, list) and len(loc) > 1 and isinstance(loc[1], int):
        table = table[loc[1]]
    if top not in CONNECTED or not isinstance(table, dict):
        return ".".join(_keys(loc)), False
    host = table.get(CONNECTED[top])
    return f"{top} {_host_of(str(host)) if top == 'camera' else str(host or '').lower()}".strip(), _clear(top, table)


def _clear(top: str, table: Mapping[str, Any]) -> bool:
    """Whether what is told on the way can be read by others."""
    if top == "mqtt":
        return table.get("tls") in (None, False)
    if top == "camera":
        return not str(table.get("source")).startswith("rtsps:")
    if table.get("security") is not None:
        return bool(table["security"] == "none")
    return table.get("starttls") is False and table.get("port") != SMTPS_PORT


def _host_of(source: str) -> str:
    """As `with_login`, which puts the login in, reads it."""
    try:
        return urlsplit(source).hostname or source
    except ValueError:
        return source


def _keys(loc: Loc) -> tuple[str, ...]:
    return tuple(part for part in loc if isinstance(part, str))


def _names(text: str) -> list[str]:
    """Of the secrets that it is filled in with."""
    return [match[2] for match in REFERENCE.finditer(text) if not match[1]]
