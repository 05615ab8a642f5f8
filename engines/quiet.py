"""Keep native libraries' chatter off stderr while a model loads; what is not known to be chatter is let through.

TFLite greets every loaded model with an `INFO:` line, and the TensorFlow parser inside OpenVINO logs each file that is
none, though it also raises: neither has a switch for it.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_ONE = threading.Lock()
STDERR = 2
CHATTER = (b"INFO:", b"WARNING: All log messages before absl::InitializeLog", b"E0000 ")


@contextmanager
def no_chatter() -> Iterator[None]:
    """Within the block, lines of chatter on file descriptor 2 are dropped; others appear at its end.

    Process-wide, so lines of other threads in that moment are late, not lost.
    """
    with _ONE:
        sys.stderr.flush()
        kept = os.dup(STDERR)
        said = os.memfd_create("said")
        os.dup2(said, STDERR)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, STDERR)
            os.close(kept)
            os.lseek(said, 0, os.SEEK_SET)
            with os.fdopen(said, "rb") as lines:
                for line in lines:
                    if not line.startswith(CHATTER):
                        os.write(STDERR, line)
