"""Decoding ahead: a clip's next pictures are decoded in a thread of its own while this one is worked on."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from time import perf_counter

from edge.capture.base import Shot, Source
from edge.errors import EdgeError


def decode_ahead(source: Source, depth: int, timed: Callable[[float], None]) -> Iterator[Shot]:
    """Every picture of a source, in order, at most `depth` of them decoded before they are asked for.

    Args:
        source: read by the new thread alone until the iterator ends or is closed
        depth: bound of the queue; a full one makes the decoder wait, nothing is dropped
        timed: told the seconds that each picture took to decode, from the decoder's thread

    Raises:
        EdgeError: what the source raised, after the pictures that came before it.
    """
    ready: queue.Queue[Shot | EdgeError | None] = queue.Queue(depth)
    stop = threading.Event()

    def offer(item: Shot | EdgeError | None) -> None:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.1)
            except queue.Full:
                continue
            return

    def decode() -> None:
        shots = source.shots()
        try:
            while not stop.is_set():
                start = perf_counter()
                shot = next(shots, None)
                timed(perf_counter() - start)
                offer(shot)
                if shot is None:
                    return
        except EdgeError as fault:
            offer(fault)

    reader = threading.Thread(target=decode, name="decode-ahead", daemon=True)
    reader.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, EdgeError):
                raise item
            yield item
    finally:
        stop.set()
        reader.join()
