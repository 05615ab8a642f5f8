"""A look into a model file, and a draft of a manifest for one that nobody has described yet."""

from __future__ import annotations

import json
from pathlib import Path

from edge.engines import registry
from edge.engines.base import Engine, EngineOptions, TensorSpec


def open_any(path: Path, engine: str = "auto") -> Engine:
    """Load a model file only to look at it; raises as `registry.choose` and `registry.load` do."""
    return registry.load(registry.choose(engine, path.suffix.lower()), path, EngineOptions(threads=1))


def draft(path: Path, sha256: str, loaded: Engine) -> str:
    """A manifest in TOML with what the file says, and marked guesses for what it does not."""
    spec = _picture(loaded.inputs)
    channels_first = len(spec.shape) == 4 and spec.shape[1] == 3
    height, width = (spec.shape[2:4] if channels_first else spec.shape[1:3]) if len(spec.shape) == 4 else (None, None)
    lines = [
        f"# A draft for {path.name}: correct what is marked, then keep it beside the model as {path.stem}.toml.",
        f"name = {json.dumps(path.stem)}",
        'task = "detect"',
        'decoder = ""                     # yolov8, yolov5, yolox, ssd-anchors...: the family of its head',
        'labels = "labels.txt"            # a file beside this one with a name a line, or a list',
        "min_score = 0.4",
        f"sha256 = {json.dumps(sha256)}",
        "",
        "[input]",
        f"name = {json.dumps(spec.name)}",
        f"width = {width or 0}",
        f"height = {height or 0}",
        f'layout = "{"NCHW" if channels_first else "NHWC"}"',
        'colour = "RGB"                   # or BGR: as it was trained',
        f'dtype = "{spec.dtype}"',
    ]
    if spec.dtype.startswith("float"):
        lines.append(
            "scale = 1.0                      # value = (pixel * scale - mean) / std; 0.00392156862745098 is 1/255"
        )
    lines += ['fit = "stretch"                  # or letterbox', "", "[outputs]                        # role = tensor"]
    for number, output in enumerate(loaded.outputs):
        lines.append(f"role{number} = {json.dumps(output.name)}{' ' * 4}# {list(output.shape)} {output.dtype}")
    return "\n".join(lines) + "\n"


def _picture(inputs: tuple[TensorSpec, ...]) -> TensorSpec:
    """The input that most likely takes the picture: the first with four axes."""
    return next((spec for spec in inputs if len(spec.shape) == 4), inputs[0])
