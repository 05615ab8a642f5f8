"""Pictures for people: boxes drawn, small enough for a mail and a phone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from edge.evidence import font, skeleton
from edge.labels import PERSON
from edge.types import MOTION, U8, Body, Box, Frame, Track

MAX_BYTES = 200_000
MAX_WIDTH = 1280
_FIRM = (64, 200, 60)  # BGR; a confirmed object
_FALLEN = (50, 50, 225)
_FAINT = (160, 160, 160)  # one that is not decided yet
_INK = (255, 255, 255)


def snapshot(frame: Frame, box: Box, label: str, score: float) -> bytes:
    """The JPEG of an event: the whole frame with its object boxed, and the skeletons of those whose joints were looked
    at; at most MAX_BYTES and MAX_WIDTH pixels wide."""
    image = _skeletons(frame.picture.bgr(), frame.bodies)
    body = _whose(frame.bodies, box) if label == PERSON else None
    return encode(draw(image, [(box, _caption(label, score, body), True)], _FALLEN if _fell(body) else _FIRM))


def live(frame: Frame, tracks: Sequence[Track], moved: Sequence[Box] = ()) -> bytes:
    """The JPEG of the live page: all tracks boxed, people with their skeletons and postures; where there is no track,
    what moves."""
    calm, fallen = list[tuple[Box, str, bool]](), list[tuple[Box, str, bool]]()
    for track in tracks:
        body = frame.bodies.get(track.number)
        boxed = track.box, _caption(track.label, track.score, body), track.confirmed
        (fallen if _fell(body) else calm).append(boxed)
    image = _skeletons(frame.picture.bgr(), frame.bodies)
    draw(image, calm if tracks else [(box, "", False) for box in moved])
    return encode(draw(image, fallen, _FALLEN), quality=75)


def draw(image: U8, boxes: Sequence[tuple[Box, str, bool]], firmly: tuple[int, int, int] = _FIRM) -> U8:
    """Draw boxes with captions into a BGR image uint8 (h, w, 3), in place; firm ones, in their colour, over faint
    ones."""
    line = max(1, round(image.shape[0] / 240))
    for (x1, y1, x2, y2), caption, firm in sorted(boxes, key=lambda box: box[2]):
        colour = firmly if firm else _FAINT
        corner = round(x1), round(y1)
        cv2.rectangle(image, corner, (round(x2), round(y2)), colour, line, cv2.LINE_AA)
        if caption:
            _write(image, caption, corner, colour)
    return image


def encode(image: U8, quality: int = 85) -> bytes:
    """A JPEG of a BGR image, shrunk to MAX_WIDTH, then coarser and smaller until it holds MAX_BYTES."""
    while True:
        if image.shape[1] > MAX_WIDTH:
            size = MAX_WIDTH, round(image.shape[0] * MAX_WIDTH / image.shape[1])
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if len(data) <= MAX_BYTES:
            return data.tobytes()
        if quality > 50:
            quality -= 15
        else:
            size = image.shape[1] * 3 // 4, image.shape[0] * 3 // 4
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _skeletons(image: U8, bodies: Mapping[int, Body]) -> U8:
    return skeleton.draw(image, [body.pose for body in bodies.values()])


def _whose(bodies: Mapping[int, Body], box: Box) -> Body | None:
    """The body that a box is of: the one whose joints have their middle nearest to its own, within it."""
    (x1, y1, x2, y2), found = box, list[tuple[float, int]]()
    for number, body in bodies.items():
        if (around := body.pose.box) is not None:
            x, y = (around[0] + around[2]) / 2, (around[1] + around[3]) / 2
            if x1 <= x <= x2 and y1 <= y <= y2:
                found.append((abs(2 * x - x1 - x2) + abs(2 * y - y1 - y2), number))
    return bodies[min(found)[1]] if found else None


def _fell(body: Body | None) -> bool:
    return body is not None and skeleton.word(body) == skeleton.FALLEN


def _caption(label: str, score: float, body: Body | None = None) -> str:
    told = label if label == MOTION else f"{label} {score:.0%}"
    posture = skeleton.word(body) if body else ""
    return f"{told} {posture}" if posture else told


def _write(image: U8, text: str, corner: tuple[int, int], colour: tuple[int, int, int]) -> None:
    """White text on the box's colour, above the box, or inside it at the picture's upper edge."""
    mask = font.caption(text, max(1, round(image.shape[0] / 480)))
    h, w = min(mask.shape[0], image.shape[0]), min(mask.shape[1], image.shape[1])
    x = min(max(corner[0], 0), image.shape[1] - w)
    y = min(corner[1] - h if corner[1] >= h else max(corner[1], 0), image.shape[0] - h)
    place = image[y : y + h, x : x + w]
    place[:] = colour
    place[mask[:h, :w] > 0] = _INK
