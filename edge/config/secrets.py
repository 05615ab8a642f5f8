"""Secrets: where a `${NAME}` of the configuration comes from, and how credentials stay out of what people read."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

DOCKER_SECRETS = Path("/run/secrets")
REFERENCE = re.compile(r"\$(\$?)\{([A-Za-z_][A-Za-z0-9_.-]*)\}")

_URL = re.compile(r"(?<=://)[^\s\"'<>]+")
_HOST = re.compile(r"(?:[\w.-]+|\[[0-9a-f:.%]+\])(?::\d{1,5})?[/?]", re.IGNORECASE)
# Keys whose name sounds of a login, behind any sign that cameras put before a key: XMEye's have the path
# `/user=NAME_password=WORD_channel=1_stream=0.sdp`. The value ends at white space, a quote or `&key=` alone, since a
# password may hold all else. The bounds keep a hostile text from taking long.
_QUERY = re.compile(
    r"(?<=[/?&;_])((?:(?:p|u|pw|pin)"
    r"|[\w-]{0,16}?(?:pas+|pwd|psw|secret|token|auth|login|usr|user|key|cred)[\w-]{0,16})=)"
    r"(?:[^&\s\"'<>]|&(?![\w-]{1,32}=))+",
    re.IGNORECASE,
)

# Properties of GStreamer's elements that hold a login, in a pipeline's text; quotes may be TOML's own, escaped.
_PROPERTY = re.compile(
    r"(?<![\w-])((?:user|proxy)-(?:id|pw)|[\w-]{0,24}(?:pass(?:word|phrase|wd)?|secret|token|cookies?|headers)[\w-]{0,24})"
    r"(\s*=\s*)(?:\\?\"[^\"]*\"|'[^']*'|[^\s\"']+)",
    re.IGNORECASE,
)


def mask_url(text: str) -> str:
    """The text with user name, password and secret query values of every URL in it replaced by `***`.

    Works on a bare URL and on any message that quotes one, so it can be the last step before a log line. Secrets in a
    path of `key=value` pairs are replaced as well, with all that follows them, and those of a `gst:` pipeline.
    """
    masked = _mask_values(_URL.sub(lambda url: _mask_login(url[0]), text))
    return mask_properties(masked) if "gst:" in masked else masked


def mask_properties(text: str) -> str:
    """The text with the values of what GStreamer's elements name `user-pw`, `passphrase` and the like masked."""
    return _PROPERTY.sub(r"\1\2***", text)


def _mask_login(url: str) -> str:
    """What follows `://`, without its login and secret values."""
    shown = _mask_values(url)
    if "@" in shown:
        # Up to the LAST @: passwords with a raw @ or / in them are common, and masking too much is the safe side.
        return f"***@{shown.rpartition('@')[2]}"
    # An @ that was masked stood in a secret value if a host stands in front, else maybe behind a login with a / in it.
    return shown if "@" not in url or _HOST.match(url) else "***"


def _mask_values(text: str) -> str:
    return _QUERY.sub(r"\1***", text)


class UnknownSecret(KeyError):
    """No place gives a secret of this name; `args` are the name and, where a file has it that may not be read, why."""


def find_secret(name: str, environ: Mapping[str, str] = os.environ) -> str:
    """The value of a secret: from the environment, else `/run/secrets/NAME`, else systemd's credentials folder.

    One newline at the end of a file is not part of the secret: editors and `echo` add it.

    Raises:
        UnknownSecret: no place has it, or the file that has it cannot be read.
    """
    if name in environ:
        return environ[name]
    folders = [DOCKER_SECRETS]
    if credentials := environ.get("CREDENTIALS_DIRECTORY"):
        folders.append(Path(credentials))
    reason = None
    for folder in folders:
        try:
            return (folder / name).read_text("utf-8").removesuffix("\n").removesuffix("\r")
        except FileNotFoundError:
            continue
        except OSError as fault:
            reason = f"{folder / name}: {fault.strerror}"
        except UnicodeDecodeError:
            reason = f"{folder / name}: not UTF-8 text"
    raise UnknownSecret(name, reason)


def fill_in(text: str) -> str:
    """The text with each `${NAME}` replaced by that secret; `$${NAME}` stands for a literal `${NAME}`.

    Raises:
        UnknownSecret: for the first name that no place holds.
    """
    return REFERENCE.sub(lambda m: m[0][1:] if m[1] else find_secret(m[2]), text)
