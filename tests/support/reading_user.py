"""Open an installed model as a user who may not write: `python -m tests.support.reading_user NAME WARM.epk`.

What a process imports may lie where only root reads, so all of it is loaded before root is given up.
"""

from __future__ import annotations

import os
import sys

from edge.opening import open_predictor

NOBODY = 65534


def main(name: str, warm: str) -> None:
    """Print what is passed over, then the version that serves."""
    open_predictor(warm).close()
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    opened = open_predictor(name, passed_over=print)
    assert opened.model.packed is not None
    print(f"version {opened.model.packed.origin.version}", flush=True)
    opened.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
