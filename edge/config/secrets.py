"""Secrets: where a `${NAME}` of the configuration comes from, and how credentials stay out of what people read."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

DOCKER_SECRETS = Path("/run/secrets")
REFERENCE = re.compile(r"\$(\$?)\{([A-Za-z_][A-Za-z0-9_.-]*)\}")

# Up to the LAST @ of the word: passwords with a raw @ or / in them are common, and masking too much is the safe side.
_USERINFO = re.compile(r"(?<=://)[^\s\"'<>]*@")
_QUERY = re.compile(
    r"(?<=[?&;])((?:user|usr|username|login|password|passwd|pass|pwd|token|auth|secret|key|apikey|api_key)=)[^&\s\"'<>]*",
    re.IGNORECASE,
)


def mask_url(text: str) -> str:
    """The text with user name, password and secret query values of every URL in it replaced by `***`.

    Works on a bare URL and on any message that quotes one, so it can be the last step before a log line.
    """
    return _QUERY.sub(r"\1***", _USERINFO.sub("***@", text))


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
