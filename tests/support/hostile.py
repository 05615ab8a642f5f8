"""Load damaged copies of a model file in a process of its own, which a back end may crash without harm to the tests.

Run as `python -m tests.support.hostile ENGINE MODEL SEED COUNT load|run`: prints a line for each copy and ends with
`done`; without that the last one crashed it, or took longer than five seconds.
"""

from __future__ import annotations

import faulthandler
import random
import resource
import sys
from pathlib import Path

import numpy as np

from edge.engines import registry
from edge.engines.base import EngineOptions
from edge.errors import EdgeError

LIMIT_S = 5
MEMORY = 4 << 30


def damage(data: bytes, kind: int, rng: random.Random) -> bytes:
    """A copy cut off, with some bits flipped, with a stretch zeroed, or with a stretch moved."""
    broken = bytearray(data)
    if kind % 4 == 0:
        return data[: rng.randrange(len(data))]
    if kind % 4 == 1:
        for _ in range(rng.choice((1, 1, 2, 8))):
            broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
        return bytes(broken)
    start, length = rng.randrange(len(broken)), rng.randrange(1, 32)
    if kind % 4 == 2:
        broken[start : start + length] = bytes(len(broken[start : start + length]))
        return bytes(broken)
    stretch = broken[start : start + length]
    del broken[start : start + length]
    place = rng.randrange(len(broken) + 1)
    return bytes(broken[:place] + stretch + broken[place:])


def main(engine: str, model: Path, seed: int, count: int, runs: bool) -> None:
    """Load each copy, and with `runs` run those that load."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    whole, copy, rng = model.read_bytes(), model.with_name(f"damaged{model.suffix}"), random.Random(seed)  # noqa: S311
    for number in range(count):
        copy.write_bytes(damage(whole, number, rng))
        faulthandler.dump_traceback_later(LIMIT_S, exit=True)
        try:
            loaded = registry.load(engine, copy, EngineOptions(threads=1))
        except EdgeError as fault:
            print(number, "refused", str(fault).count("\n"), flush=True)
            continue
        finally:
            faulthandler.cancel_dump_traceback_later()
        print(number, "loaded", flush=True)
        try:
            if runs:
                loaded.run({s.name: np.zeros([n or 1 for n in s.shape], s.dtype) for s in loaded.inputs})
        except EdgeError:
            print(number, "failed", flush=True)
        loaded.close()
    print("done", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5] == "run")
