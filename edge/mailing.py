"""Who is mailed what, and where mail is handed in, as a configuration says; asked for without starting anything."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from email.utils import parseaddr
from urllib.parse import urlsplit

from edge import hours
from edge.config.fields import is_loopback
from edge.config.schema import Config, Web
from edge.config.schema.email import Recipient
from edge.localtime import zone_of
from edge.sinks.email.settings import EmailSettings, Rules
from edge.web.settings import WebSettings

EMAIL = "email"


def names(config: Config) -> list[str]:
    """Names of the sinks for mail: `email` for those who get everything, `email:NAME` for each with own rules.

    What is not delivered yet waits in the outbox under these names, so that they follow from the addresses, not from
    the order in the file.
    """
    email = config.email
    if not email.host:
        return []
    found = [EMAIL] if email.to else []
    for recipient in email.recipient:
        address = parseaddr(recipient.to[0])[1].lower()
        short, whole = (
            f"{EMAIL}:{re.sub(r'[^a-z0-9.+-]', '_', text)}" for text in (address.partition("@")[0], address)
        )
        found.append(whole if short in found else short)
    return found


def settings(config: Config) -> list[EmailSettings]:
    """Where mail is handed in and who gets what, one for each name."""
    email = config.email
    groups: list[tuple[Sequence[str], Rules]] = []
    if email.to:
        groups.append((email.to, Rules(quiet_hours=_hours(email.quiet_hours))))
    groups += [(recipient.to, _rules(recipient, email.quiet_hours)) for recipient in email.recipient]
    pose = config.pose
    if pose.enabled and pose.alert != "never":
        groups = [(to, replace(rules, calls=pose.alert_for, calls_when=pose.alert)) for to, rules in groups]
    return [
        EmailSettings(
            host=email.host or "",
            sender=email.sender or "",
            to=tuple(to),
            port=email.port,
            username=email.username,
            password=None if email.password is None else email.password.get_secret_value(),
            starttls=email.starttls,
            security=email.security,
            ca=email.ca,
            throttle=email.throttle_s,
            gather=email.gather_s,
            quiet_after=email.quiet_after_s,
            rules=rules,
            name=name,
            zone=zone_of(config.node.timezone),
            page=page(config.web),
        )
        for name, (to, rules) in zip(names(config), groups, strict=True)
    ]


def page(web: Web) -> str | None:
    """The address of the page for people elsewhere; None where they cannot reach it."""
    if not web.enabled:
        return None
    if web.url is not None:
        return web.url.rstrip("/")
    if is_loopback(web.host):
        return None
    return WebSettings(host=web.host, cert=web.cert, key=web.key).url(web.port, "")


def hosts(web: Web) -> tuple[str, ...]:
    """Further names under which the page may be called: whoever follows a link of a mail must come through."""
    named = None if web.url is None else urlsplit(web.url).hostname
    return (*web.allowed_hosts, *([named] if named else []))


def _rules(recipient: Recipient, usual: Sequence[str]) -> Rules:
    return Rules(
        cameras=recipient.cameras,
        labels=recipient.labels,
        zones=recipient.zones,
        modes=recipient.modes,
        quiet_hours=_hours(usual if recipient.quiet_hours is None else recipient.quiet_hours),
        pictures=recipient.pictures,
    )


def _hours(given: Sequence[str]) -> tuple[hours.Hours, ...]:
    return tuple(map(hours.parse, given))
