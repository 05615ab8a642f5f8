"""What ONNX Runtime makes of a model."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import onnx
import onnxruntime

from edge.tools.graph import to_bytes


def operators(model: onnx.ModelProto) -> Counter[str]:
    """How many nodes of each kind ONNX Runtime really runs, after its own fusions on this machine's CPU."""
    with tempfile.TemporaryDirectory(prefix="edge-operators-") as name:
        settings = onnxruntime.SessionOptions()
        settings.log_severity_level = 4
        settings.optimized_model_filepath = str(Path(name) / "run.onnx")
        onnxruntime.InferenceSession(to_bytes(model), settings, providers=["CPUExecutionProvider"])
        return Counter(node.op_type for node in onnx.load(settings.optimized_model_filepath).graph.node)
