"""Which changes of a configuration are of the rules of single cameras alone, so that the rest of it can go on."""

from __future__ import annotations

from typing import Any

from edge.config.schema import Camera, Config

_OF_CAMERA: dict[str, Any] = {"motion_mask": (), "object_mask": (), "required_zones": (), "filter": {}, "line": ()}
_OF_ZONE: dict[str, Any] = {"points": (), "labels": None, "inertia": 1, "loiter_s": None, "rest": False, "filter": {}}


def redrawn(now: Config, wanted: Config) -> list[Camera] | None:
    """The cameras whose masks, filters, lines, or zones' shapes and rules another configuration changes; none where it
    says the same. None where it changes anything else, be it a zone's name or what the alarm does there: topics,
    discovery and the alarm are made of those.
    """
    if _rest(now) != _rest(wanted):
        return None
    return [camera for before, camera in zip(now.camera, wanted.camera, strict=True) if camera != before]


def _rest(config: Config) -> Config:
    cameras = []
    for camera in config.camera:
        zones = tuple(zone.model_copy(update=_OF_ZONE) for zone in camera.zone)
        cameras.append(camera.model_copy(update={**_OF_CAMERA, "zone": zones}))
    return config.model_copy(update={"camera": tuple(cameras)})
