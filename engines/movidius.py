"""Movidius: a Myriad X stick, by the old OpenVINO that still has its plug-in, under an interpreter of its own.

OpenVINO 2021.4.2 (PyPI, x86-64, Python 3.6 to 3.9) or an archive of 2022.3, the last release for it:
https://docs.openvino.ai/2023.3/openvino_docs_OV_UG_supported_plugins_Supported_Devices.html. An archive is set up by
its `setupvars.sh`, so there `python` is a script of two lines that sources it and then `exec`s the interpreter.
The stick computes in half precision, whatever is asked for; inputs and outputs that a file has in it are float32 here.
"""

from __future__ import annotations

from edge.engines.base import EngineOptions, ModelFile, one_line
from edge.engines.child import WORKERS, Child, Program
from edge.engines.child_engine import ChildEngine
from edge.engines.child_load import Plan
from edge.engines.workers.protocol import ProtocolError, strings
from edge.errors import MissingError
from edge.paths import is_file

DEVICE = "MYRIAD"
PYTHONS, WANTS = "3.6 to 3.9", "openvino==2021.4.2"
KEY = "engine.movidius.python"
PRECISIONS = {"CPU": ("f32", "bf16"), DEVICE: ("f32", "f16")}
"""What each device may be asked for: f32 is what nobody asked for, and the stick has none."""


def unset(options: EngineOptions) -> str | None:
    """What has to be set first: the interpreter."""
    if options.python is None:
        return f"wants {KEY}, which is not set"
    return None if is_file(options.python) else f"wants {KEY} = {options.python}, which is no file"


def look(options: EngineOptions) -> tuple[str, tuple[str, ...]]:
    """The release of OpenVINO there, and its devices; MYRIAD is one of them where a stick answers."""
    child = Child(_program(options))
    child.close()
    return child.version, child.devices


def load(model: ModelFile, options: EngineOptions) -> ChildEngine:
    """Start a child and put the model on the stick, or on another device of that OpenVINO, e.g. its CPU."""
    plan = _plan(model, options)
    can = PRECISIONS.get(plan.device, (options.precision,))
    if options.precision not in can:
        raise MissingError(f"movidius computes on {plan.device} in {' or '.join(can)}, not in {options.precision}")
    return ChildEngine(plan)


def unsupported(model: ModelFile, options: EngineOptions) -> tuple[str, ...]:
    """The layers of a model that the device cannot run, as `name (type)`; needs no stick. Raises as `load` does.

    For who converts a model for a stick, from Python: a load stops at the first such layer, and this names them all.
    The tests find by it that the models of this runtime run on a stick, where there is none.
    """
    plan = _plan(model, options)
    child = Child(plan.program)
    reply = plan.ask(child, "layers")
    try:
        return tuple(one_line(layer) for layer in strings(reply.get("unsupported")))
    except ProtocolError as fault:
        raise child.nonsense(fault) from None
    finally:
        child.close()


def _plan(model: ModelFile, options: EngineOptions) -> Plan:
    return Plan(_program(options), model, options.device or DEVICE, options)


def _program(options: EngineOptions) -> Program:
    if options.python is None:
        raise MissingError(f"movidius {unset(options)}")
    return Program("movidius", options.python, WORKERS / "openvino_2021.py", WANTS, PYTHONS)
