"""A worker for `engines.child` that any interpreter with NumPy runs: y = x + 1, and on demand every mishap.

Its model is a JSON file: `{"shape": [1, 4], "load": DEED}`; the first element of `x` may be a deed, too.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

DIE, HANG, FAIL, SHRINK, LIE, CRASH, PRINT, DAWDLE = -1, -2, -3, -4, -5, -6, -7, -8


def look():
    return "1.0", ["CPU"]


def load(request, progress):
    from .protocol import Refused  # there is one where this runs, and none where the tests import the deeds

    wanted = json.loads(Path(request["model"]).read_text())
    progress(0.25, "reading")
    progress(0.75, "thinking")
    if "pid" in wanted:
        Path(wanted["pid"]).write_text(str(os.getpid()))
    while wanted.get("load") == DAWDLE:
        progress(0.5, "dawdling")
        time.sleep(0.05)
    do(wanted.get("load", 0))
    if "refuse" in wanted:
        raise Refused(wanted["refuse"], "will not have it")
    return Net(wanted["shape"])


def layers(request):
    return ["y (Odd)"]


def do(deed):
    if deed == DIE:
        sys.stderr.write("farewell, cruel world\n")
        os._exit(7)
    elif deed == HANG:
        time.sleep(3600)
    elif deed == FAIL:
        raise RuntimeError("the stick was\npulled out")
    elif deed == CRASH:
        os.kill(os.getpid(), signal.SIGSEGV)
    elif deed == PRINT:
        os.write(1, b"for nobody's eyes\n")


class Net:
    def __init__(self, shape):
        from .protocol import Tensor

        elements = int(np.prod([size or 64 for size in shape]))
        self.inputs = (Tensor("x", tuple(shape), "float32", elements * 4),)
        self.outputs = (Tensor("y", tuple(shape), "float32", elements * 4),)

    def run(self, given):
        x = given["x"]
        deed = int(x.flat[0]) if x.size else 0
        do(deed)
        if deed == SHRINK:
            return {"y": x[:, 1:]}
        if deed == LIE:
            return {}
        return {"y": x + 1}
