"""What can go wrong, and what each fault tells its user.

    EdgeError                 exit code 1: a check or a run failed
     +-- UserError            2: the user's mistake; one line says what, where, what to do
     |    +-- ConfigError     2: the configuration; carries every finding, rendered with line and caret
     |    +-- AlarmRefused    2: a code is wanted, and it is missing, wrong or tried too often
     |    +-- ModelError      2: a model, manifest or label file that is not what it says
     |    +-- SourceError     2: a clip or image that cannot be read
     +-- MissingError         3: an engine, extra or device that is not here; says how to get it
     +-- PartError            1: a running part failed (camera, engine, broker, mail); its supervisor backs off
     |    +-- CameraError     1: a camera went away, froze or refused us
     |    +-- EngineError     1: a back end failed while running
     |         +-- FeedError  1: what it was given is not what the model takes; another back end would refuse it too
     +-- StorageError         1: the data folder is full, read-only or damaged

Every message is written for the owner of the device: what happened, where, what to do. The command line prints
`str(error)` and exits with `error.exit_code`; a traceback means a bug of ours.
"""

from __future__ import annotations


class EdgeError(Exception):
    """Base of every fault that this package raises on purpose."""

    exit_code = 1


class UserError(EdgeError):
    """The user's mistake: arguments, a missing or unreadable file."""

    exit_code = 2


class AlarmRefused(UserError):
    """An order to the alarm wants a code and has no right one. locked_s: seconds to wait before the next try, or 0."""

    def __init__(self, message: str, locked_s: float = 0.0) -> None:
        super().__init__(message)
        self.locked_s = locked_s


class ConfigError(UserError):
    """The configuration cannot be used. `str()` is the whole report, one block a finding."""


class ModelError(UserError):
    """A model, manifest or label file is not what it says it is."""


class SourceError(UserError):
    """A clip or an image cannot be read."""


class MissingError(EdgeError):
    """A part that was asked for is not on this machine; the message names the command that brings it."""

    exit_code = 3


class PartError(EdgeError):
    """A running part failed; its supervisor shows the state and tries again."""


class CameraError(PartError):
    """A camera went away, froze, or refused us."""


class EngineError(PartError):
    """A back end failed while running a loaded model."""


class FeedError(EngineError):
    """A feed that is not what a loaded model takes: name, element type or shape."""


class StorageError(EdgeError):
    """The data folder is full, read-only or damaged; what is stored already stays."""
