"""Which models a configuration means, and on which back ends each is to run."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edge.config.schema import Config, Engine
from edge.config.schema import Model as ModelTable
from edge.engines import registry
from edge.engines.base import EngineOptions
from edge.engines.links import PassedOver, log_passed_over
from edge.errors import MissingError, ModelError
from edge.models.store import Model, find


@dataclass(frozen=True, slots=True)
class Chosen:
    """A model that is to be loaded.

    engines: names in order of preference, or `auto` alone
    options: of the first of them
    """

    model: Model
    engines: tuple[str, ...]
    options: EngineOptions


def engine_options(model: ModelTable, engine: Engine) -> EngineOptions:
    """What a configuration sets of its back ends."""
    return EngineOptions(
        threads=model.threads,
        device=model.device,
        precision=model.precision,
        server=engine.kserve.url or "",
        served=engine.kserve.model or "",
        timeout_s=engine.timeout_s,
        python=engine.movidius.python,
    )


def chosen(config: Config, found: Model | None = None, done_without: PassedOver = log_passed_over) -> list[Chosen]:
    """The models that a configuration means, in its order; at least one.

    Of those that are meant where the user names none, a further one is done without where its file or its back end is
    not here: who had the first alone goes on with it.

    Args:
        found: the first one, where it was found before; None looks for it.
        done_without: told of what is not here, and how to get it.

    Raises:
        MissingError, ModelError: as `store.find` and `registry.usable`.
    """
    names, many = config.model.names, []
    for i, name in enumerate(names):
        try:
            model = (found if i == 0 else None) or find(name, config.model.manifest if i == 0 else None)
            many.append(_first(config, model) if i == 0 else _further(config, model))
        except MissingError as fault:
            if i == 0 or not config.model.by_default:
                raise
            done_without(f"{name}, for people near the camera: {fault}")
    return many


def _first(config: Config, model: Model) -> Chosen:
    return Chosen(model, config.model.engine, engine_options(config.model, config.engine))


def _further(config: Config, model: Model) -> Chosen:
    """On the back ends that are named, where one has it, else on its usual one; a server has the first alone."""
    options = engine_options(config.model, config.engine)
    named = tuple(name for name in config.model.engine if name != "kserve")
    if named and named != ("auto",):
        try:
            registry.usable(named, model.suffix, model.manifest.engines, options, lambda line: None)
        except (MissingError, ModelError):
            pass
        else:
            return Chosen(model, named, options)
    usual = replace(options, device=None, precision="f32")
    registry.usable("auto", model.suffix, model.manifest.engines, usual)
    return Chosen(model, ("auto",), usual)
