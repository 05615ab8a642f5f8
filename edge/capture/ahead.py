"""Decoding ahead: a clip's next pictures are decoded in a thread of its own while this one is worked on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

from edge.capture.base import Shot, Source


def decode_ahead(source: Source, depth: int, timed: Callable[[float], None]) -> Generator[Shot, None, None]:
    """Every picture of a source, in order, at most `depth` of them decoded before they are asked for.

    Close the iterator before the source: it returns once its thread touches the source no more.

    Args:
        source: read by the new thread alone until the iterator ends or is closed
        depth: pictures in stock; the decoder waits until one is taken, nothing is dropped
        timed: told the seconds that each picture took to decode, from the decoder's thread

    Raises:
        EdgeError, and whatever else the source raised, after the pictures that came before it.
    """
    shots = source.shots()

    def decode() -> Shot | None:
        start = perf_counter()
        shot = next(shots, None)
        if shot is not None:
            timed(perf_counter() - start)
        return shot

    reader = ThreadPoolExecutor(1, "decode-ahead")
    try:
        stock = deque(reader.submit(decode) for _ in range(depth))
        while (shot := stock.popleft().result()) is not None:
            stock.append(reader.submit(decode))
            yield shot
    finally:
        reader.shutdown(cancel_futures=True)
