"""What the page needs from the daemon, and nothing more.

Calls come from worker threads and may block briefly, except `House.live`, which the event loop calls itself.

Plain dicts on purpose: they go to the browser as JSON and to `edge status --json` in the same shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from edge.outbox import Wanted

Mode = Literal["home", "away", "night"]


class Live(Protocol):
    """The pictures of one camera, made only while somebody asks for them."""

    def latest(self, after: int, timeout: float) -> tuple[int, bytes] | None:
        """The newest picture whose index is not `after` (-1: any), as (frame index, JPEG with boxes drawn).

        Blocks for up to `timeout` seconds until there is one; None if there was none. It must not raise: a camera
        that is away is a camera without new pictures.
        """
        ...


class Health(Protocol):
    """How the parts are."""

    def status(self) -> dict[str, Any]:
        """What is true now, JSON-ready; asked about once a second while a page is open.

        - `alarm_detail` {`mode`, `until_s`, `cause`, `by`, `since`, `next` {`at`, `do`}|None, `locked_s`,
          `locked` str|None, `code` bool, `code_to_arm` bool, `fault`, `blind` [{`camera`, `why`}]}
        - `ready` bool, `alarm` str (a state of the MQTT contract), `node` str, `version` str, `uptime_s` float
        - `cameras` [{`name`, `status` online|offline|disabled, `reason` str|None, `fps`, `size` [w, h]|None, `dropped`,
          `inferences`, `motion` bool, `tracks` int, `switches` {name: bool},
          `stay_off` [switches that cannot be switched on]}]
        - `engines` [{`name`, `model`, `version`, `state` up|standing_in|fault, `reason`}]
        - `sinks` [{`name`, `state` connecting|up|back_off|fault|stopped, `reason`, `depth`}]
        - `outbox` {`depth`, `oldest_s`, `dropped`}
        """
        ...

    def metrics(self) -> str:
        """The metrics in Prometheus' text format, served at `/metrics` where `web.metrics` is on."""
        ...


class History(Protocol):
    """What happened."""

    def events(self, limit: int, before: str | None) -> list[dict[str, Any]]:
        """The newest `limit` messages, newest first: payloads of the MQTT contract and their `state` in the outbox.

        `before` is the `uid` of a message: only older ones are wanted. An unknown uid gives an empty list.
        """
        ...

    def clip(self, event_id: str) -> Path | str:
        """The file of an object's clip, complete, or one line that says why there is none; ids as for `snapshot`."""
        ...

    def thumbnail(self, event_id: str) -> bytes | None:
        """A small JPEG around an object; None if there is none. Ids as for `snapshot`."""
        ...

    def pose(self, event_id: str) -> str | None:
        """The record of a person's joints as CSV, see `edge.pose.record`; None if there is none. Ids as for
        `snapshot`."""
        ...

    def pose_version(self, event_id: str) -> str | None:
        """A word of hexadecimal digits and `-` that is another one once the record is; costs no reading of it. None if
        there is none. Ids as for `snapshot`."""
        ...

    def snapshot(self, event_id: str) -> bytes | None:
        """The JPEG of an object, by the `id` of its `after`; None if there is none. The id matches `[\\w.-]{1,80}`."""
        ...


class Timeline(Protocol):
    """What happened, as objects; and what the owner says of them."""

    def objects(self, wanted: Wanted, limit: int, before: str | None) -> list[dict[str, Any]]:
        """The newest message of each object, newest object first; `before` is the id of one. Rows as `events`."""
        ...

    def messages(self, event_id: str) -> list[dict[str, Any]]:
        """All messages about one object, oldest first, with their `model`, `why` and `notify`; none if unknown.

        - `pictures` [str]: names of those that are kept of it, in order of time; an address is `/api/events/NAME.jpg`
        - `clip_from_s`: where in its clip to begin; None where there is none, or that is unknown
        """
        ...

    def marks(self, wanted: Wanted, slot_s: float) -> dict[str, Any]:
        """When there was something: `marks` {camera: [[slot, objects, of these with the alarm on], ...]}, slots of
        `slot_s` seconds from `wanted.since` on; `labels` and `zones` [str] of the whole history."""
        ...

    def nothing(self, event_id: str, nothing: bool, by: str) -> None:
        """The owner says of an object that it was nothing (or takes that back): its `false_positive` from now on.

        Raises UserError if nothing is known of the object, StorageError if the word cannot be kept.
        """
        ...


class Alarm(Protocol):
    """The one thing that the page changes."""

    def arm(self, mode: Mode, by: str, *, code: str | None = None, now: bool = False) -> None:
        """Arm; `by` says who, for the log. now: without the exit delays. Raises UserError, whose text is shown, if a
        code is wanted and this is none, or if that cannot be now."""
        ...

    def disarm(self, code: str | None, by: str) -> None:
        """Disarm. Raises UserError if a code is wanted and this is not it; the page then asks for one.

        A wrong code is refused even where nothing is armed: else that would make free guesses of it.
        """
        ...

    def panic(self, by: str) -> None:
        """Set the alarm off, armed or not."""
        ...

    def alarm_log(self, limit: int) -> list[dict[str, Any]]:
        """Who did what to the alarm, newest first: `at`, `clock_ok`, `what`, `by`, `from`, `result`."""
        ...


class Switches(Protocol):
    """What is switched on a camera while it runs."""

    def switch(self, camera: str, name: str, on: bool, by: str, *, code: str | None = None) -> str | None:
        """Switch; the status' `switches` tell when it is true. Whose code let it be, None where none was asked for.
        Raises UserError where it cannot be, or where the
        alarm is on and its code is wanted."""
        ...


class Settings(Protocol):
    """What the house says to a change of its configuration."""

    def settings_open(self, by: str) -> None:
        """Raises UserError if it may not be changed now."""
        ...

    def settings_vouched(self, code: str | None, by: str) -> str | None:
        """The name behind a code of the alarm, None where there are none; raises AlarmRefused for one that is wrong."""
        ...

    def settings_kept(self) -> str | None:
        """What `settings_keep` was given last, None without. Raises StorageError."""
        ...

    def settings_keep(self, text: str) -> None:
        """Have a text of some kB survive restarts: it is on the disk when this returns. Raises StorageError."""
        ...

    def settings_changed(self, keys: Sequence[str], by: str, name: str | None = None) -> None:
        """These keys were changed, for the alarm's log. name: whose code allowed it, where one was wanted."""
        ...


class House(Health, History, Alarm, Switches, Settings, Protocol):
    """The daemon as the page sees it."""

    @property
    def timeline(self) -> Timeline:
        """What happened, as objects."""
        ...

    def live(self, camera: str) -> Live | None:
        """The pictures of a camera, None if there is no such camera. Cheap: nothing is encoded yet."""
        ...
