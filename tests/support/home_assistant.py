"""A real Home Assistant Core on loopback, told of nothing but the broker, and asked over its REST API."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx

from tests.support.broker import free_port

TOKEN_ID, USER_ID, KEY = "a" * 32, "b" * 32, "c" * 64
BORN = "2024-01-01T00:00:00+00:00"


class HomeAssistant:
    """`hass` with a folder of its own: the integration MQTT, one user, and a token that we sign ourselves.

    Args:
        venv: the environment that has it
        folder: gets its configuration and its log
        broker_port: of the broker on loopback
    """

    def __init__(self, venv: Path, folder: Path, broker_port: int) -> None:
        self.folder = folder
        self.port = free_port()
        self._hass = venv / "bin" / "hass"
        self._process: subprocess.Popen[bytes] | None = None
        (folder / ".storage").mkdir(parents=True)
        (folder / "configuration.yaml").write_text(
            f"homeassistant:\n  name: test\n  time_zone: UTC\nhttp:\n  server_host: 127.0.0.1\n"
            f"  server_port: {self.port}\napi:\nlogger:\n  default: warning\n  logs:\n"
            "    homeassistant.components.mqtt: info\n"
        )
        self._store("core.config_entries", 1, 4, {"entries": [_mqtt_entry(broker_port)]})
        self._store("auth", 1, 1, _auth())
        now = int(time.time())
        self._client = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}/api/",
            headers={"authorization": f"Bearer {_signed({'iss': TOKEN_ID, 'iat': now, 'exp': now + 86400})}"},
            timeout=10.0,
        )

    def start(self) -> None:
        """Start it; it is some time before it answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen([self._hass, "-c", self.folder], stdout=log, stderr=log)

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        self._client.close()

    def states(self) -> dict[str, dict[str, Any]]:
        """Every entity by its id, with `state` and `attributes`; none while it does not answer."""
        try:
            answer = self._client.get("states")
            answer.raise_for_status()
        except httpx.HTTPError:
            assert self._process is not None
            assert self._process.poll() is None, f"Home Assistant has ended:\n{self.log()}"
            return {}
        return {each["entity_id"]: each for each in answer.json()}

    def state(self, entity: str) -> str:
        """The state of one entity, empty while there is none."""
        return str(self.states().get(entity, {}).get("state", ""))

    def call(self, domain: str, service: str, entity: str, **data: Any) -> int:
        """Do what a tap on its screen does; returns the HTTP status."""
        answer = self._client.post(f"services/{domain}/{service}", json={"entity_id": entity, **data})
        return answer.status_code

    def picture(self, entity: str) -> bytes:
        """The picture of an image entity."""
        return self._client.get(f"http://127.0.0.1:{self.port}/api/image_proxy/{entity}").content

    def registry(self, kind: str) -> list[dict[str, Any]]:
        """`device` or `entity`: what it has written down of them; it does so some seconds after a change."""
        path = self.folder / ".storage" / f"core.{kind}_registry"
        if not path.exists():
            return []
        data = json.loads(path.read_text())["data"]
        found: list[dict[str, Any]] = data["devices" if kind == "device" else "entities"]
        return found

    def log(self) -> str:
        """What it said."""
        return (self.folder / "log").read_text(errors="replace")

    def _store(self, key: str, version: int, minor: int, data: dict[str, Any]) -> None:
        content = {"version": version, "minor_version": minor, "key": key, "data": data}
        (self.folder / ".storage" / key).write_text(json.dumps(content))


def _mqtt_entry(port: int) -> dict[str, Any]:
    return {
        "created_at": BORN,
        "modified_at": BORN,
        "data": {"broker": "127.0.0.1", "port": port},
        "disabled_by": None,
        "discovery_keys": {},
        "domain": "mqtt",
        "entry_id": "01HV0000000000000000000000",
        "minor_version": 2,
        "options": {
            "discovery": True,
            "birth_message": {"topic": "homeassistant/status", "payload": "online", "qos": 0, "retain": False},
        },
        "pref_disable_new_entities": False,
        "pref_disable_polling": False,
        "source": "user",
        "subentries": [],
        "title": "broker",
        "unique_id": None,
        "version": 1,
    }


def _auth() -> dict[str, Any]:
    user = {"id": USER_ID, "group_ids": ["system-admin"], "is_owner": True, "is_active": True, "name": "owner"}
    token = {
        "id": TOKEN_ID,
        "user_id": USER_ID,
        "client_id": None,
        "client_name": "tests",
        "client_icon": None,
        "token_type": "long_lived_access_token",
        "created_at": BORN,
        "access_token_expiration": 315_360_000.0,
        "token": "d" * 128,
        "jwt_key": KEY,
        "last_used_at": None,
        "last_used_ip": None,
        "expire_at": None,
        "version": "2024.1.0",
    }
    return {
        "users": [{**user, "system_generated": False, "local_only": False}],
        "groups": [{"id": "system-admin", "name": "Administrators"}],
        "credentials": [],
        "refresh_tokens": [token],
    }


def _signed(claims: dict[str, Any]) -> str:
    """A JSON Web Token with HMAC and SHA-256 (RFC 7519, RFC 7515)."""
    parts = [_base64url(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    head = ".".join(parts)
    return f"{head}.{_base64url(hmac.new(KEY.encode(), head.encode(), hashlib.sha256).digest())}"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
