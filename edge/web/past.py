"""What the page asks about what happened: messages, objects, a day at a glance, and the owner's word on one of them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edge.outbox import Wanted
from edge.web.answers import Malformed, json_object, missing
from edge.web.guard import visit_of
from edge.web.house import House
from edge.web.joints import NONE_KEPT, Joints
from edge.web.video import video

EVENT = re.compile(r"\w[\w.-]{0,79}", re.ASCII)
LONGEST_NAME = 80
MOST = 200
SLOT_S = 300.0
"""One mark of the day's bar: five minutes, about a pixel on a phone."""
MOST_DAYS = 32
"""A longer bar would hold more marks than anybody can see."""
SWITCHES = {"1": True, "0": False}


class Past:
    """Handlers; sync, so that they run in a worker thread and may read the disk."""

    def __init__(self, house: House) -> None:
        self._house, self._joints = house, Joints(house)

    def events(self, request: Request) -> Response:
        """GET /api/events?limit=&before=: messages, newest first."""
        asked = request.query_params
        before = asked.get("before")
        if before is not None and not 1 <= len(before) <= 200:
            raise Malformed("before is the uid of a message.")
        return JSONResponse(self._house.events(_limit(asked), before))

    def objects(self, request: Request) -> Response:
        """GET /api/objects?limit=&before=ID&camera=&label=&zone=&from=&to=&armed=&clip=&fell=: newest object first."""
        asked = request.query_params
        before = asked.get("before")
        if before is not None and not EVENT.fullmatch(before):
            raise Malformed("before is the id of an object.")
        return JSONResponse(self._house.timeline.objects(wanted_of(asked), _limit(asked), before))

    def day(self, request: Request) -> Response:
        """GET /api/day?from=&to=&camera=&...: how many objects in each five minutes of it."""
        wanted = wanted_of(request.query_params)
        if wanted.since is None or wanted.until is None or not 0 < wanted.until - wanted.since <= MOST_DAYS * 86_400:
            raise Malformed(f"from and to are wanted, Unix seconds, at most {MOST_DAYS} days apart.")
        return JSONResponse({"slot_s": SLOT_S, **self._house.timeline.marks(wanted, SLOT_S)})

    def event(self, request: Request) -> Response:
        """GET /api/events/{id}: all messages about one object, oldest first."""
        name = request.path_params["event"]
        rows = self._house.timeline.messages(name) if EVENT.fullmatch(name) else []
        return JSONResponse(rows) if rows else missing("Nothing is kept of this event any more.")

    def snapshot(self, request: Request) -> Response:
        """GET /api/events/{id}.jpg: the best picture of an object."""
        event = request.path_params["event"]
        jpeg = self._house.snapshot(event) if EVENT.fullmatch(event) else None
        return missing("There is no such snapshot.") if jpeg is None else Response(jpeg, media_type="image/jpeg")

    def thumbnail(self, request: Request) -> Response:
        """GET /api/events/{id}/thumb.jpg: a small picture around an object."""
        event = request.path_params["event"]
        jpeg = self._house.thumbnail(event) if EVENT.fullmatch(event) else None
        if jpeg is None:
            return missing("There is no such snapshot.")
        return Response(jpeg, media_type="image/jpeg")

    def clip(self, request: Request) -> Response:
        """GET /api/clips/{id}.mp4: the clip of an object, whole or in ranges (RFC 9110, 14)."""
        event = request.path_params["event"]
        found = self._house.clip(event) if EVENT.fullmatch(event) else "There is no such clip."
        if isinstance(found, str):
            return missing(found)
        return video(found) or missing("There is no clip of this event any more.")

    def pose_csv(self, request: Request) -> Response:
        """GET /api/events/{id}/pose.csv: the joints of a person, a line a frame."""
        event = request.path_params["event"]
        return self._joints.as_csv(event, request) if EVENT.fullmatch(event) else missing(NONE_KEPT)

    def pose_json(self, request: Request) -> Response:
        """GET /api/events/{id}/pose.json: the same with how they held themselves, at most MOST_FRAMES frames."""
        event = request.path_params["event"]
        return self._joints.as_json(event, request) if EVENT.fullmatch(event) else missing(NONE_KEPT)

    def nothing(self, request: Request) -> Response:
        """POST /api/events/{id}/nothing {"nothing": bool}: the owner's word; answers as GET /api/events/{id}."""
        name = request.path_params["event"]
        visit = visit_of(request.scope)
        word = _word(visit.body)
        if word is None:
            raise Malformed('Wanted: {"nothing": true} or {"nothing": false}.')
        if not EVENT.fullmatch(name) or not self._house.timeline.messages(name):
            return missing("Nothing is kept of this event any more.")
        self._house.timeline.nothing(name, word, f"web {visit.address}")
        return JSONResponse(self._house.timeline.messages(name))


def past_routes(past: Past) -> list[Route]:
    """Their addresses."""
    return [
        Route("/api/events", past.events),
        Route("/api/objects", past.objects),
        Route("/api/day", past.day),
        Route("/api/events/{event}.jpg", past.snapshot),
        Route("/api/events/{event}/thumb.jpg", past.thumbnail),
        Route("/api/events/{event}/pose.csv", past.pose_csv),
        Route("/api/events/{event}/pose.json", past.pose_json),
        Route("/api/clips/{event}.mp4", past.clip),
        Route("/api/events/{event}", past.event),
        Route("/api/events/{event}/nothing", past.nothing, methods=["POST"]),
    ]


def wanted_of(asked: Mapping[str, str]) -> Wanted:
    """The choice in a query: `camera`, `label`, `zone`, `from`, `to` (Unix seconds), `armed`, `clip`, `fell` (1
    or 0).

    What is absent or empty asks for nothing. Raises Malformed.
    """
    return Wanted(
        camera=_name(asked, "camera"),
        label=_name(asked, "label"),
        zone=_name(asked, "zone"),
        since=_seconds(asked, "from"),
        until=_seconds(asked, "to"),
        armed=_switch(asked, "armed"),
        clip=_switch(asked, "clip"),
        fell=_switch(asked, "fell"),
    )


def _name(asked: Mapping[str, str], key: str) -> str | None:
    value = asked.get(key) or None
    if value is not None and len(value) > LONGEST_NAME:
        raise Malformed(f"{key} is longer than {LONGEST_NAME} characters.")
    return value


def _seconds(asked: Mapping[str, str], key: str) -> float | None:
    text = asked.get(key) or None
    if text is None:
        return None
    # ASCII digits alone: float() would take "nan", "1_0" and digits of other scripts too.
    if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", text, re.ASCII) is None:
        raise Malformed(f"{key} is a time in Unix seconds.")
    return float(text)


def _switch(asked: Mapping[str, str], key: str) -> bool | None:
    text = asked.get(key) or None
    if text is None:
        return None
    if text not in SWITCHES:
        raise Malformed(f"{key} is 1 or 0.")
    return SWITCHES[text]


def _limit(asked: Mapping[str, str]) -> int:
    text = asked.get("limit", "60")
    if re.fullmatch("[0-9]{1,3}", text, re.ASCII) is None or not 1 <= int(text) <= MOST:
        raise Malformed(f"limit is a number from 1 to {MOST}.")
    return int(text)


def _word(body: bytes) -> bool | None:
    word = (json_object(body) or {}).get("nothing")
    return word if isinstance(word, bool) else None
