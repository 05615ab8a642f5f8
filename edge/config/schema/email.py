"""Mail when something happens: `[email]`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr, model_validator

from edge.config.fields import Address, FilePath, OneOrMany, Port, Text, fault
from edge.config.schema.base import Table


class Email(Table):
    """Mail with a picture when something happens while armed."""

    host: Text | None = Field(default=None, description="Name or address of the mail server. Unset: no mail.")
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
        description="Address, or list of addresses, that mails go to. Needed with `host`.",
        json_schema_extra={"kind": "text or list of text"},
    )
    starttls: bool = Field(
        default=True, description="Encrypt before logging in; `false` only for a server on this machine."
    )
    ca: FilePath | None = Field(
        default=None, description="Authority that signed the mail server's certificate (PEM). Unset: the system's."
    )
    throttle_s: Annotated[float, Field(ge=0)] = Field(
        default=60.0, description="Least seconds between two mails of one camera; 0 sends one for every event."
    )

    @model_validator(mode="after")
    def _complete(self) -> Email:
        if self.host is not None and self.sender is None:
            raise fault("`from` is missing", 'write `from = "edge@example.org"`', key="host")
        if self.host is not None and not self.to:
            raise fault("`to` is missing", 'write `to = "you@example.org"`', key="host")
        if self.password is not None and self.username is None:
            raise fault("`password` needs `username` beside it", key="password")
        return self
