"""GStreamer's Python bindings of the system, for a Python that does not see the system's packages.

PyGObject is one folder that needs nothing beside it. Where this Python has the version that Debian's was built for,
that folder alone is put within reach by a link; the system's other packages stay out, so that the tests go on with
those of their own environment.
"""

from __future__ import annotations

import atexit
import importlib.util
import shutil
import sys
import sysconfig
import tempfile
import warnings
from functools import cache
from pathlib import Path

import pytest

from edge.capture.gstreamer import Bindings, bindings
from edge.errors import MissingError

SYSTEM = Path("/usr/lib/python3/dist-packages/gi")
HINT = "apt-get install python3-gi gir1.2-gst-plugins-base-1.0 gstreamer1.0-plugins-good"


@cache
def _problem() -> str | None:
    if importlib.util.find_spec("gi") is None:
        if not SYSTEM.is_dir():
            return f"no GStreamer bindings here ({HINT})"
        if not list(SYSTEM.glob(f"_gi{sysconfig.get_config_var('EXT_SUFFIX')}")):
            return f"the system's GStreamer bindings are for another Python than {sys.version.split()[0]}"
        folder = Path(tempfile.mkdtemp(prefix="edge-gi-"))
        atexit.register(shutil.rmtree, folder)
        (folder / "gi").symlink_to(SYSTEM)
        sys.path.append(str(folder))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its importer is of an older kind
            bindings()
    except MissingError as fault:
        return str(fault)
    return None


def gstreamer() -> Bindings:
    """GStreamer, started in this process; skips the test where it cannot be had."""
    if problem := _problem():
        pytest.skip(problem)
    return bindings()
