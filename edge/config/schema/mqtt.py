"""The broker that events and states go to: `[mqtt]`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from edge.config.fields import FilePath, Host, MqttVersion, Name, Port, TopicPath, fault
from edge.config.schema.base import Table, hostless, together


def _tls(value: object) -> object:
    """`true` is a table with nothing set, `false` none."""
    if value is True:
        return {}
    if value is False:
        return None
    if value is None or isinstance(value, (dict, Tls)):
        return value
    raise fault("must be true, false or a table", 'write `tls = true` or `tls = {ca = "ca.pem"}`')


class Tls(Table):
    """Encryption to the broker."""

    ca: FilePath | None = Field(default=None, description="Authorities to trust (PEM). Unset: the system's.")
    cert: FilePath | None = Field(default=None, description="Our certificate (PEM), for brokers that ask for one.")
    key: FilePath | None = Field(default=None, description="Key of that certificate (PEM).")

    @model_validator(mode="after")
    def _pair(self) -> Tls:
        together(self, "cert", "key")
        return self


class Mqtt(Table):
    """The broker that events and states go to."""

    host: Host | None = Field(default=None, description="Name or address of the broker. Unset: no MQTT.")
    port: Port = Field(default=1883, description="Port of the broker; with TLS usually 8883.")
    username: str | None = Field(default=None, description="User name, where the broker asks for one.")
    password: SecretStr | None = Field(default=None, description="Password of that user.")
    prefix: Name = Field(default="edge", description="First level of every topic.")
    tls: Annotated[Tls | None, BeforeValidator(_tls)] = Field(
        default=None,
        description="`true` encrypts and checks the broker against the system's authorities; a table names files.",
        json_schema_extra={"shown": "`false`"},
    )
    version: MqttVersion = Field(
        default="5", description="MQTT version; version 5 tells when a broker refuses a message."
    )

    discovery: bool = Field(
        default=True, description="Tell Home Assistant what there is, so that all of it appears there by itself."
    )
    discovery_prefix: TopicPath = Field(
        default="homeassistant", description="First levels of the topics on which Home Assistant looks for devices."
    )

    @model_validator(mode="after")
    def _user_first(self) -> Mqtt:
        if self.password is not None and self.username is None:
            raise fault("`password` needs `username` beside it", key="password")
        hostless(self, ("username", "tls"), "nothing is published")
        return self
