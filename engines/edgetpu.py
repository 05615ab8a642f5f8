"""Whether a Coral Edge TPU can be used here, found out by looking: loading its library without one may hang or crash.

Source: https://coral.ai/docs/accelerator/get-started (USB ids before and after the firmware is loaded; `/dev/apex_0` of
the PCIe module; the operator `edgetpu-custom-op` that its compiler leaves in a model).
"""

from __future__ import annotations

import os
from pathlib import Path

LIBRARY = "libedgetpu.so.1"
USB = {("1a6e", "089a"), ("18d1", "9302")}
OPERATOR = b"edgetpu-custom-op"
PLACES = ("usr/lib/aarch64-linux-gnu", "usr/lib/x86_64-linux-gnu", "usr/lib", "usr/lib64", "usr/local/lib", "lib")


def missing(root: Path = Path("/")) -> str | None:
    """What keeps this machine from using an Edge TPU, and what brings it; None if nothing does."""
    if library(root) is None:
        return f"{LIBRARY} is not installed; Coral's Debian package libedgetpu1-std brings it"
    if not _attached(root):
        return "no Edge TPU is attached: neither on USB (1a6e:089a or 18d1:9302) nor as /dev/apex_0; plug it in"
    return None


def library(root: Path = Path("/")) -> Path | None:
    """Where its library is: on the loader's own path, or where Debian's packages put it."""
    own = [Path(folder) for folder in os.environ.get("LD_LIBRARY_PATH", "").split(":") if folder]
    return next((path for folder in (*own, *(root / p for p in PLACES)) if (path := folder / LIBRARY).is_file()), None)


def compiled(content: bytes) -> bool:
    """Whether a model went through the Edge TPU's compiler."""
    return OPERATOR in content


def _attached(root: Path) -> bool:
    if any((root / "dev").glob("apex_*")):
        return True
    return any(_usb_ids(device) in USB for device in (root / "sys/bus/usb/devices").glob("*"))


def _usb_ids(device: Path) -> tuple[str, str]:
    try:
        return (device / "idVendor").read_text().strip(), (device / "idProduct").read_text().strip()
    except OSError:  # an interface, not a device; or one that was unplugged just now
        return "", ""
