"""The child process: `python FOLDER WORKER.py`, started by `engines.child` with the socket as its stdin."""

import importlib
import sys
import types
from pathlib import Path

FOLDER = Path(__file__).resolve().parent

if __name__ == "__main__":
    # A package of that name stands for this folder, so that its files find one another here as they do at home, with
    # nothing else of ours on the path: `engines/openvino.py` would be found in place of the vendor's package.
    del sys.path[0]
    package = types.ModuleType("edge_workers")
    package.__path__ = [str(FOLDER)]
    sys.modules["edge_workers"] = package
    importlib.import_module("edge_workers.serve").main(Path(sys.argv[1]))
