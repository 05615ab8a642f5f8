"""What a reload is to start, made sure of while the daemon before it still watches."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from edge import apart, hardware, wiring
from edge.chosen import chosen
from edge.config.schema import Config, Kserve
from edge.engines import registry
from edge.errors import ModelError
from edge.models.store import Model, find
from edge.opening import CAMERA_TASKS, GREY, head_for
from edge.paths import is_file
from edge.posers.open import needed
from edge.running import Running, need_web

log = logging.getLogger(__name__)

ENGINE_MB = 200
"""What a process with a back end takes beside the model: OpenVINO's as much, others' half of it."""
TIMES = 4
"""What a model is taken to need, in sizes of its plain file: as it is read, as the back end's graph, packed for its
kernels, and what runs through it."""


def ready(config: Config, running: Running, gone: Callable[[], bool] = lambda: False) -> Model | None:
    """The first model of a configuration that is to follow a running daemon: found, verified and, unless it is the one
    that runs already, tried out, with those beside it. None where no camera needs one.

    It is tried out where there is memory for two, on an engine that more than one can use, in a process of its own,
    which it may crash or fill without harm to the daemon that runs. Why not is logged.

    Args:
        gone: asked meanwhile whether the daemon is to stop.

    Raises:
        EdgeError: it could not start: the model's file, signature or manifest, its engine, or the page's packages.
    """
    need_web(config)
    seeing = wiring.seeing(config)
    if not seeing:
        return None
    many = chosen(config, done_without=log.info)
    found = many[0].model
    for one in many:
        head_for(one.model.manifest, CAMERA_TASKS)
    if any(config.poses(camera) for camera in seeing):
        needed(config.pose.model)
    engines = [
        registry.usable(one.engines, one.model.suffix, one.model.manifest.engines, one.options)[0] for one in many
    ]
    if len(many) == 1 and _same(config, found, running):
        return found
    busy = [_alone(engine, one.options.device) for engine, one in zip(engines, many, strict=True)]
    why_not = next(filter(None, busy), "") or _no_room([one.model for one in many])
    if why_not:
        log.info("%s is not tried out before it is to serve: %s", found.manifest.name, why_not)
        return found
    apart.tried(found.path, gone, _detect, _bare(config))
    return _after(found, find(config.model.names[0], config.model.manifest))


def _after(wanted: Model, now: Model) -> Model:
    """What is to serve after the trial, which sets a slot aside that does not load: then it says why.

    Raises:
        ModelError: it is not what was tried out.
    """
    if now.sha256 == wanted.sha256 or (now.slot is not None and now.slot.passed):
        return now
    why = "" if now.slot is None else now.slot.slots.aside
    if now.slot is None or not why:
        raise ModelError(f"{now.path}: was replaced while the one before was tried out; reload again")
    return replace(now, slot=replace(now.slot, passed=why))


def _bare(config: Config) -> Config:
    """What a trial has to know of a configuration: nothing of addresses, accounts and passwords of others."""
    blank = {"source": "synthetic:", "username": None, "password": None}
    cameras = tuple(camera.model_copy(update=blank) for camera in config.camera)
    here = tuple(name for name in config.model.engine if name != "kserve")
    model = config.model.model_copy(update={"engine": here})
    engine = config.engine.model_copy(update={"kserve": Kserve()})
    return Config(camera=cameras, model=model, engine=engine, crop=config.crop)


def _detect(_: apart.Slow, config: Config) -> None:
    """Load the models of a configuration and run each once."""
    detector = wiring.open_model(config, wiring.seeing(config))
    for part in detector.parts:
        wanted = part.predictor.model.manifest.input
        part.detect(np.full((wanted.height, wanted.width, 3), GREY, np.uint8))
    detector.close()


def _same(config: Config, found: Model, running: Running) -> bool:
    """Whether the running daemon has loaded this model in this way."""
    now, model = running.daemon.config, running.daemon.model
    return model is not None and (
        (found.sha256, found.manifest) == (model.sha256, model.manifest)
        and (config.model, config.engine, config.crop) == (now.model, now.engine, now.crop)
    )


def _alone(engine: str, device: str | None) -> str:
    """Why an engine may not load a model while another one is loaded; empty where it may."""
    if engine not in registry.AUTO or device not in (None, "CPU"):
        return f"{device or engine} may be busy with the one that serves now"
    return ""


def _no_room(models: Sequence[Model]) -> str:
    """Why there is not memory for these models beside those that serve; empty where there is, or nobody tells."""
    needed = ENGINE_MB + (TIMES * sum(map(_plain_bytes, models)) >> 20)
    available = hardware.memory_mb()[1]
    if available is None or apart.SHARE * available >= needed:
        return ""
    return f"that may take {needed} MB, and of {available} that are available it may take {apart.SHARE:.0%}"


def _plain_bytes(model: Model) -> int:
    if model.packed is None:
        return sum(path.stat().st_size for path in (model.path, model.path.with_suffix(".bin")) if is_file(path))
    return sum(tensor.count * np.dtype(tensor.dtype).itemsize for tensor in model.packed.tensors)
