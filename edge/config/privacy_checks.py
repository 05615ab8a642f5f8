"""What `[privacy]` forbids in other tables: where skeletons alone are to be seen, nothing may send or keep more."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from edge.config.diagnose import Finding


def betrayed(data: dict[str, Any]) -> list[Finding]:
    """Settings that keep or send what a camera sees, in spite of `privacy.blur = "skeleton"`."""
    privacy = data.get("privacy")
    if not isinstance(privacy, dict) or privacy.get("blur") != "skeleton":
        return []
    found = []
    if privacy.get("clips") is True:
        advice = "take it out, or choose another `blur`; what is kept of an event is its skeletons: `[pose]` `record`"
        found.append(Finding(("privacy", "clips"), "clips show what the camera sees", advice))
    url = _server(data)
    if url is not None and not _here(url):
        advice = 'run the model here (`engine = "auto"`), or a server on this machine'
        text = "the camera's pictures would go to another machine"
        found.append(Finding(("engine", "kserve", "url"), text, advice))
    return found


def _server(data: dict[str, Any]) -> str | None:
    """The model server that is used, if one is."""
    engine = data.get("engine")
    kserve = engine.get("kserve") if isinstance(engine, dict) else None
    url = kserve.get("url") if isinstance(kserve, dict) else None
    asked = [table.get("engine") for table in (data.get("model"), data.get("pose")) if isinstance(table, dict)]
    used = any("kserve" in wanted if isinstance(wanted, list) else wanted == "kserve" for wanted in asked)
    return url if used and isinstance(url, str) else None


def _here(url: str) -> bool:
    try:
        host = urlsplit(url.strip()).hostname or ""
    except ValueError:
        return True  # it is no address at all, which is told elsewhere
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
