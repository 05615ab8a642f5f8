"""Mail when something happens: `[email]`, `[[email.recipient]]`."""

from __future__ import annotations

from email.utils import parseaddr
from typing import Annotated, Literal

from pydantic import Field, SecretStr, model_validator

from edge.config.fields import (
    Address,
    FilePath,
    Host,
    HoursOfDay,
    Many,
    OneOrMany,
    OneOrSome,
    Port,
    Told,
    TopicName,
    fault,
)
from edge.config.schema.base import Table, hostless

Seconds = Annotated[float, Field(ge=0, le=86_400)]


class Recipient(Table):
    """Somebody who is to get less than all mails. What is left out leaves nothing out."""

    to: OneOrSome[Address] = Field(
        description="Address, or list of addresses; each stands in one place of `[email]` only.",
        json_schema_extra={"kind": "text or list of text"},
    )
    cameras: Many[TopicName] = Field(default=(), description="Only what these cameras see.")
    labels: Many[Told] = Field(
        default=(), description="Only these labels; `tamper` and `engine` are labels too, `alarm` always comes."
    )
    zones: Many[TopicName] = Field(default=(), description="Only what enters one of these zones, when it does.")
    modes: Many[Literal["armed_home", "armed_away", "armed_night"]] = Field(
        default=(),
        description="Only while the alarm is in one of these states; `pending` and `triggered` always count.",
    )
    quiet_hours: OneOrMany[HoursOfDay] | None = Field(
        default=None,
        description="As `email.quiet_hours`, for this recipient. Unset: those; `[]`: none.",
        json_schema_extra={"kind": "text or list of text"},
    )
    pictures: bool = Field(default=True, description="Attach pictures.")


class Email(Table):
    """Mail with pictures when something happens while armed."""

    host: Host | None = Field(default=None, description="Name or address of the mail server. Unset: no mail.")
    port: Port = Field(default=587, description="Port of the mail server.")
    username: str | None = Field(default=None, description="User name, where the server asks for one.")
    password: SecretStr | None = Field(
        default=None, description="Password of that user; use an app password where there is one."
    )
    sender: Address | None = Field(
        default=None, alias="from", description="Address that mails come from. Needed with `host`."
    )
    to: OneOrMany[Address] = Field(
        default=(),
        description="Address, or list of addresses, that all mails go to. With `host`, this or `recipient` is needed.",
        json_schema_extra={"kind": "text or list of text"},
    )
    starttls: bool = Field(
        default=True, description="Encrypt before logging in; `false` only for a server on this machine."
    )
    security: Literal["starttls", "tls", "none"] | None = Field(
        default=None,
        description="How to encrypt: `tls` from the first byte, `starttls` before logging in, `none`. Unset: `tls` on "
        "port 465, else as `starttls` says.",
    )
    ca: FilePath | None = Field(
        default=None, description="Authority that signed the mail server's certificate (PEM). Unset: the system's."
    )
    throttle_s: Annotated[float, Field(ge=0)] = Field(
        default=60.0, description="Least seconds between two mails of one camera; 0 sends one for every event."
    )
    gather_s: Seconds = Field(
        default=5.0,
        description="Seconds that a mail waits for better pictures; it goes sooner when its object is gone. 0: none.",
    )
    quiet_after_s: Seconds = Field(
        default=0.0,
        description="What the throttle held back waits for the next mail, or until its camera has seen nothing for so "
        "many seconds: then one mail sums it up. 0: it is told as soon as `throttle_s` is over.",
    )
    quiet_hours: OneOrMany[HoursOfDay] = Field(
        default=(),
        description="Hours in which nothing but the alarm itself is mailed, such as `23:00-07:00` or "
        "`fri,sat 23:00-09:00` (days on which they begin); the rest is told in one mail when they are over.",
        json_schema_extra={"kind": "text or list of text"},
    )
    recipient: Many[Recipient] = Field(
        default=(), description="Others who get mail, by rules of their own, an `[[email.recipient]]` table each."
    )

    @model_validator(mode="after")
    def _complete(self) -> Email:
        if self.host is not None and self.sender is None:
            raise fault("`from` is missing", 'write `from = "edge@example.org"`', key="host")
        if self.host is not None and not (self.to or self.recipient):
            raise fault("`to` is missing", 'write `to = "you@example.org"`', key="host")
        if self.password is not None and self.username is None:
            raise fault("`password` needs `username` beside it", key="password")
        if self.security not in (None, "starttls") and self.starttls and "starttls" in self.model_fields_set:
            raise fault(
                f'`security = "{self.security}"` contradicts `starttls = true`', "leave one out", key="security"
            )
        if self.security == "starttls" and not self.starttls:
            raise fault('`security = "starttls"` contradicts `starttls = false`', "leave one out", key="security")
        hostless(self, ("from", "to", "recipient", "username"), "nobody is mailed")
        return self

    @model_validator(mode="after")
    def _once_each(self) -> Email:
        taken: set[str] = set()
        for address in (*self.to, *(address for recipient in self.recipient for address in recipient.to)):
            bare = parseaddr(address)[1].lower()
            if bare in taken:
                raise fault(f"`{bare}` is there twice", "it would get every mail twice: keep one", key="to")
            taken.add(bare)
        return self
