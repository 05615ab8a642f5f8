"""The reference of all keys, written from the schema: `python -m edge.config.reference > docs/reference/config.md`."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from edge.config.diagnose import by_name, model_in
from edge.config.schema import Config

EXAMPLE = """\
[[camera]]
name = "porch"
source = "rtsp://192.168.1.20/stream1"
username = "viewer"
password = "${PORCH_PASSWORD}"
labels = ["person", "motion"]

[[camera.zone]]
name = "path"
points = [[0.1, 0.5], [0.9, 0.5], [0.9, 1.0], [0.1, 1.0]]

[mqtt]
host = "homeassistant.local"
username = "edge"
password = "${MQTT_PASSWORD}"

[email]
host = "smtp.example.org"
username = "me@example.org"
password = "${MAIL_PASSWORD}"
from = "Edge <me@example.org>"
to = "me@example.org"
"""

_HEAD = f"""\
# Configuration

<!-- Written by `python -m edge.config.reference`: change edge/config/schema instead. -->

One TOML file: the one named with `--config FILE`, else `/etc/edge/edge.toml`, else `./edge.toml`. A camera is
all that is needed; every other key has a default. `edge check` shows every mistake at its line; nothing starts
before there is none.

```toml
{EXAMPLE}```

**Paths** are relative to the folder of the file; `~/` is the home folder. In `--set KEY=VALUE` they are
relative to the folder where the command runs. A number in such a key counts tables from 0, a name
is that of a table: `--set camera.0.loop=true`, `--set camera.porch.loop=true`.

**Secrets** need not stand in the file: `${{NAME}}` in any text is replaced by the environment variable `NAME`,
else by the content of `/run/secrets/NAME`, else by the systemd credential `NAME`. With `systemctl edit edge`:

```ini
[Service]
LoadCredential=MQTT_PASSWORD:/etc/edge/mqtt.password
```

`$${{NAME}}` stands for a literal `${{NAME}}`. Passwords and credentials in URLs are masked in logs, error
reports, on the page and in the archive of `edge doctor --bundle`.

**Names** of cameras, zones and lines match `[a-z0-9_]+`, are unique among all, and are none of the topics
`available`, `events`, `alarm`, `restart`, `steer`, `stats`. Labels are read in lower case with `_` for every other
character; they cannot be `all`, `posture`, `status`, `enabled`, `detect`, `pose`, `notifications` or
`snapshots`.

**The control socket** of `edge status`, `arm`, `disarm`, `alarm` and `events` is `control.sock` in the
service's runtime folder (`/run/edge`), else in `node.data`. In a runtime folder it is `control-HASH.sock` where
`node.data` is set, so that each data folder has its own daemon. Where the path of `node.data` is too long for a
socket (107 bytes), it is in `$XDG_RUNTIME_DIR/edge`, else in `/tmp/edge-UID`, which only that user can enter.
Its mode is 0660: members of the daemon's group may use it.
"""


def markdown() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_tables(Config, ())]) + "\n"


def _tables(schema: type[BaseModel], above: tuple[str, ...]) -> Iterator[str]:
    shapes = schema.model_json_schema()["properties"]
    own = [(info.alias or name, info) for name, info in schema.model_fields.items()]
    plain = [(key, info) for key, info in own if model_in(info.annotation) is None or "tls" in key]
    if plain:
        yield "| key | value | default | meaning |\n|---|---|---|---|"
        for key, info in plain:
            yield f"| `{key}` | {_value(shapes[key])} | {default_in_words(info, shapes[key])} | {info.description} |"
        yield ""
    for key, info in own:
        inner = model_in(info.annotation)
        if inner is not None:
            path = (*above, key, "LABEL") if by_name(info) else (*above, key)
            header = ".".join(path)
            many = shapes[key].get("type") == "array"
            yield f"## `{f'[[{header}]]' if many else f'[{header}]'}`\n\n{inspect.getdoc(inner)}\n"
            yield from _tables(inner, path)


def _value(shape: Mapping[str, Any]) -> str:
    """What may stand behind the equals sign, in words."""
    choices = [choice for choice in shape.get("anyOf", [shape]) if choice.get("type") != "null"]
    return shape.get("kind") or " or ".join(_one(choice) for choice in choices)


def _one(shape: Mapping[str, Any]) -> str:
    if "$ref" in shape:
        return "`true`, `false` or a table"
    if "enum" in shape:
        return " or ".join(f"`{choice}`" for choice in shape["enum"])
    if shape["type"] == "array":
        if "prefixItems" in shape:
            return "`[x, y]`"
        return f"list of {_one(shape['items'])}"
    if shape.get("format") in ("path", "password"):
        return {"path": "path", "password": "text, secret"}[shape["format"]]
    words = {"string": "text", "boolean": "`true` or `false`", "integer": "whole number", "number": "number"}
    return words[shape["type"]] + _bounds(shape)


def _bounds(shape: Mapping[str, Any]) -> str:
    low, high = shape.get("minimum", shape.get("exclusiveMinimum")), shape.get("maximum")
    if low is None:
        return ""
    above = "above" if "exclusiveMinimum" in shape else "from"
    return f" {above} {low:g}" + (f" to {high:g}" if high is not None else "")


def default_in_words(info: FieldInfo, shape: Mapping[str, Any]) -> str:
    """What holds where a key is not set, as it is shown: `none`, `needed`, a value as TOML, or words."""
    extra = info.json_schema_extra
    if isinstance(extra, dict) and "shown" in extra:
        return str(extra["shown"])
    if info.is_required():
        return "needed"
    if info.default is None or info.default == ():
        return "none"
    value = shape["default"]
    return f"`{f'{value:g}' if isinstance(value, float) else json.dumps(value)}`"


if __name__ == "__main__":
    sys.stdout.write(markdown())
