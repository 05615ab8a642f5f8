"""What stays on this device or is asked for: `[jsonl]`, `[web]`."""

from __future__ import annotations

from pydantic import Field, model_validator

from edge.config.fields import FilePath, Many, Port, Server, Text, fault, is_loopback
from edge.config.schema.base import Table, together


class Jsonl(Table):
    """Events as lines of JSON in a file, for other programs on this device."""

    path: FilePath | None = Field(
        default=None, description="File that every event is appended to, a line each. Unset: none is written."
    )


class Web(Table):
    """The page in the browser."""

    enabled: bool = Field(default=True, description="Serve the page.")
    host: Text = Field(
        default="127.0.0.1", description="Address to listen on. Beyond this machine it needs `cert` and `key`."
    )
    port: Port = Field(default=8099, description="Port to listen on.")
    url: Server | None = Field(
        default=None,
        description="Address of the page as phones reach it, for links in mails: `https://porch.local:8099`; the page "
        "answers to its host as well. Unset: "
        "made from `host` and `port` where the page can be reached from other machines, else mails have no link.",
    )
    cert: FilePath | None = Field(
        default=None, description="Certificate (PEM), with `key`: the page is then served by https."
    )
    key: FilePath | None = Field(default=None, description="Key of the certificate (PEM).")
    insecure: bool = Field(
        default=False, description="Allow a page without TLS beyond this machine: passwords can be read."
    )
    metrics: bool = Field(
        default=False, description="Serve `/metrics` in Prometheus text to anybody who reaches the port."
    )
    allowed_hosts: Many[Text] = Field(
        default=(), description="Further host names under which the page may be called; others are refused."
    )

    @model_validator(mode="after")
    def _safe(self) -> Web:
        together(self, "cert", "key")
        if self.enabled and self.cert is None and not self.insecure and not is_loopback(self.host):
            advice = "set `cert` and `key`, or `insecure = true` if everybody on the network may read along"
            raise fault(f"`{self.host}` is reached from other machines and has no TLS", advice, key="host")
        return self
