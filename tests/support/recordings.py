"""Recordings of a road that never was: a red line whose place in the picture says where to steer."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from edge.types import U8

MANIFEST = ('["cam/image_array", "user/angle"]', '["image_array", "float"]', "{}", '{"created_at": 0}')


def road(steering: float, width: int = 160, height: int = 120) -> U8:
    """A grey picture with an upright red line, the further right the more is steered there."""
    image = np.full((height, width, 3), 90, np.uint8)
    at = round(width * (0.5 + 0.4 * steering))
    image[:, max(at - 6, 0) : at + 6] = (20, 20, 220)
    return image


def wheel(count: int) -> list[float]:
    """How the wheel stood while somebody drove in bends, straight on now and then."""
    return [0.0 if k % 7 == 0 else round(0.8 * float(np.sin(k / 9)), 4) for k in range(count)]


def picture(path: Path, image: U8) -> None:
    """Write a JPEG; its folder is made."""
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(bytes(cv2.imencode(".jpg", image)[1]))


def tub(folder: Path, steering: list[float], deleted: tuple[int, ...] = (), catalog: int = 50) -> Path:
    """A donkeycar tub of these angles."""
    names = []
    for first in range(0, len(steering), catalog):
        lines = []
        for index, angle in enumerate(steering[first : first + catalog], first):
            name = f"{index}_cam_image_array_.jpg"
            picture(folder / "images" / name, road(angle))
            record = {"_index": index, "cam/image_array": name, "user/angle": angle, "user/mode": "user"}
            lines.append(json.dumps(record))
        names.append(f"catalog_{first // catalog}.catalog")
        (folder / names[-1]).write_text("".join(f"{line}\r\n" for line in lines))
    last = json.dumps({"paths": names, "current_index": len(steering), "deleted_indexes": list(deleted)})
    (folder / "manifest.json").write_text("\n".join([*MANIFEST, last, ""]))
    return folder


def udacity(folder: Path, steering: list[float], there: str = r"C:\drive\IMG") -> Path:
    """A folder of the Udacity simulator, all three cameras; `there` is where the recording machine had its pictures."""
    lines = ["center,left,right,steering,throttle,brake,speed"]
    for k, angle in enumerate(steering):
        names = []
        for place in ("center", "left", "right"):
            name = f"{place}_2026_01_01_00_00_{k:04d}.jpg"
            picture(folder / "IMG" / name, road(angle, 320, 160))
            names.append(f"{there}\\{name}" if "\\" in there else f"{there}/{name}")
        lines.append(f"{names[0]}, {names[1]}, {names[2]}, {angle}, 0.5, 0, 20.1")
    (folder / "driving_log.csv").write_text("\n".join([*lines, ""]))
    return folder
