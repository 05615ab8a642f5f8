"""Post-training quantization of ONNX models: floats in, the same graph with 8-bit integers or float16 out.

    plan = Plan(target="vnni")
    done = quantize(model, feeds, plan)             # activations and weights; feeds are what the model would see
    done = quantize(model, (), Plan(activations=False))      # weights only: smaller, not faster; needs no feeds
    worst = sensitivity(model, feeds, metric, plan)          # what each layer costs, most harmful first
    times = latencies({"float": model, "int8": done.model}, feeds[0])    # does it really run faster?

A model goes this way: `net.prepared` (opset raised, batch norms folded), `equalise` (channels that share a grid get
like ranges), `ranges` (what each tensor spans on the feeds), `place` (which tensors become integers, and which share
a scale), `insert` (QuantizeLinear and DequantizeLinear around them), `bias` (the mean error of every layer is taken
back), `head` (the last layers of a detector stay float if they suffer). `weights`, `rounding` and `half` change weights
alone. Nothing here trains.

A layer is a Conv, ConvTranspose, Gemm or MatMul with constant weights; it is named by its first output's tensor.
"""

from __future__ import annotations

from edge.tools.quantize.half import half
from edge.tools.quantize.measure import Latency, latencies
from edge.tools.quantize.plan import Plan, Quantized, Range
from edge.tools.quantize.sensitivity import sensitivity
from edge.tools.quantize.static import Workshop, quantize

__all__ = [
    "Latency",
    "Plan",
    "Quantized",
    "Range",
    "Workshop",
    "half",
    "latencies",
    "quantize",
    "sensitivity",
]
