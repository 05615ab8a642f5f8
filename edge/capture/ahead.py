"""Decoding ahead: a clip's next pictures are decoded in a thread of its own while this one is worked on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from time import perf_counter

from edge.capture.base import Shot, Source


def decode_ahead(source: Source, depth: int, timed: Callable[[float], None]) -> Generator[Shot, None, None]:
    """Every picture of a source, in order, at most `depth` of them decoded before they are asked for.

    Close the iterator before the source: it returns once its thread touches the source no more.

    Args:
        source: read by the new thread alone until the iterator ends or is closed
        depth: pictures in stock; once half of them are taken the decoder fills it up again, in one go, since a thread
            that wakes at every picture competes with the work on it for caches and the interpreter's lock
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
        stock: deque[Future[Shot | None]] = deque()
        while True:
            if len(stock) <= depth // 2:
                stock.extend([reader.submit(decode) for _ in range(depth - len(stock))])
            if (shot := stock.popleft().result()) is None:
                return
            yield shot
    finally:
        reader.shutdown(cancel_futures=True)
