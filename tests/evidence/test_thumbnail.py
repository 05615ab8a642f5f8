"""Small pictures of an object."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge.evidence.thumbnail import MAX_BYTES, SIDE, Thumbnails, thumbnail
from edge.types import Box


def picture(w: int = 1280, h: int = 720) -> bytes:
    """Noise, which compresses badly, with a red block right of the middle."""
    image = np.random.default_rng(0).integers(0, 255, (h, w, 3)).astype(np.uint8)
    image[h // 4 : h // 2, w * 6 // 10 : w * 7 // 10] = (0, 0, 255)
    return cv2.imencode(".jpg", image)[1].tobytes()


@pytest.mark.parametrize("size", [(1280, 720), (320, 240), (20, 400)])
@pytest.mark.parametrize("box", [None, (0.6, 0.25, 0.7, 0.5), (0.0, 0.0, 1.0, 1.0), (0.9, 0.9, 0.9, 0.9)])
def test_it_is_small_whatever_the_picture(size: tuple[int, int], box: Box | None) -> None:
    made = thumbnail(picture(*size), box)
    assert made is not None
    assert len(made) <= MAX_BYTES
    image = cv2.imdecode(np.frombuffer(made, np.uint8), cv2.IMREAD_COLOR)
    assert max(image.shape[:2]) <= SIDE


def test_it_shows_the_object() -> None:
    made = thumbnail(picture(), (0.6, 0.25, 0.7, 0.5))
    assert made is not None
    image = cv2.imdecode(np.frombuffer(made, np.uint8), cv2.IMREAD_COLOR)
    b, g, r = image[image.shape[0] // 2, image.shape[1] // 2].astype(int)
    assert r > 200 > 100 > max(b, g)


@pytest.mark.parametrize("broken", [b"", b"no picture", picture()[:100]])
def test_what_is_no_picture_has_none(broken: bytes) -> None:
    assert thumbnail(broken, None) is None


def test_the_newest_that_were_asked_for_are_kept() -> None:
    shelf = Thumbnails(keep=2)
    for name in ("a", "b"):
        shelf.put(name, 1.0, name.encode())
    assert shelf.get("a", 1.0) == b"a"
    assert shelf.get("a", 2.0) is None, "a better snapshot has a thumbnail of its own"
    shelf.put("c", 1.0, b"c")
    assert shelf.get("b", 1.0) is None
    assert shelf.get("a", 1.0) == b"a"
