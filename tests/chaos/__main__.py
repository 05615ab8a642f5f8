"""`python -m tests.chaos [--seconds 600] [--kills 20] [--seed N]`: prints a verdict, exits 1 if something is wrong."""

from __future__ import annotations

import argparse
import contextlib
import logging
import sys
import tempfile
from pathlib import Path

from tests.chaos.fate import Fate
from tests.chaos.judge import faults, figures, told
from tests.chaos.world import World


def main() -> None:
    """Play, judge, say."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    logging.getLogger("mail.log").setLevel(logging.ERROR)  # the mail server's own warnings about its own future
    with tempfile.TemporaryDirectory(prefix="edge-chaos-") as name, contextlib.closing(World(Path(name))) as world:
        fate = Fate(
            world, given.seconds, given.kills, given.seed, lambda line: print(line, file=sys.stderr, flush=True)
        )
        fate.run()
        wrong = list(faults(world, fate.clips))
        print(told(figures(world, fate.clips), wrong))
        if wrong:
            print(world.daemon.log()[-20_000:], file=sys.stderr)
    sys.exit(bool(wrong))


main()
