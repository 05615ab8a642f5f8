"""A system to apply a board's files to: a root with the few files that matter."""

from __future__ import annotations

from pathlib import Path

CONFIG = b"# For more options see the documentation\narm_64bit=1\n\n[cm4]\notg_mode=1\n"
CMDLINE = b"console=serial0,115200 console=tty1 root=PARTUUID=4e639091-02 rootfstype=ext4 fsck.repair=yes rootwait\n"


def system(root: Path, model: str = "Raspberry Pi 4 Model B Rev 1.5", *, boot: str = "boot/firmware") -> Path:
    """A root as of Raspberry Pi OS; "" for `model` is an image, which has no device tree."""
    for folder in ("etc/systemd/system", "etc/sysctl.d", "var/lib", boot):
        (root / folder).mkdir(parents=True)
    (root / boot / "config.txt").write_bytes(CONFIG)
    (root / boot / "cmdline.txt").write_bytes(CMDLINE)
    (root / "etc/sysctl.d/60-edge.conf").write_bytes(b"# of the owner, by chance of the same name\n")
    (root / "etc/systemd/system/tmp.mount").symlink_to("/usr/share/systemd/tmp.mount")
    if model:
        (root / "proc/device-tree").mkdir(parents=True)
        (root / "proc/device-tree/model").write_bytes(model.encode() + b"\0")
    return root


def snapshot(root: Path) -> dict[str, object]:
    """All below a root: content and mode of files, targets of links, folders. Without what keeps the record."""
    found: dict[str, object] = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if name.startswith("var/lib/edge-board"):
            continue
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        else:
            found[name] = "folder" if path.is_dir() else (path.read_bytes(), path.stat().st_mode)
    return found
