"""The dictionary of format 1: what manifests and skeletons have in common, so that a small model stays small.

It is part of the format: a change of one byte is another format. What is likeliest stands last, where deflate refers to
it with the fewest bits.
"""

from __future__ import annotations

_WORDS = (
    '"anchor":"centre"', '"rounding":"down"', '"resize":"area"', '"fit":"letterbox"', '"pad":114', '"layout":"NHWC"',
    '"strides":[8,16,32]', '"softmax":true', '"top":1', '"licence":"Apache-2.0"', '"licence":"MIT"', '"source":"https:',
    '"engines":["onnxruntime","openvino"]', '"mean":[123.675,116.28,103.53]', '"std":[58.395,57.12,57.375]',
    '"std":[255.0,255.0,255.0]', '"task":"detect"', '"decoder":"yolov8"', '"decoder":"yolox"', '"decoder":"ssd"',
    '"outputs":{"predictions":"output"}', '"labels":["person","bicycle","car","motorbike","aeroplane","bus","train"',
    '"zero","one","two","three"', '["0","1","2","3","4","5","6","7","8","9"]', "QuantizeLinear", "DequantizeLinear",
    "BatchNormalization", "ConvTranspose", "Transpose", "Sigmoid", "Softmax", "Resize", "Slice", "Split", "MatMul",
    "AveragePool", "GlobalAveragePool", "Reshape", "Dropout", "auto_pad", "ceil_mode", "count_include_pad", "axis\x18",
    "epsilon", "momentum", "alpha", "beta", "mode", "_quantized", "_scale", "_zero_point", "running_mean", "Concat",
    "dilations@\x01@\x01\xa0\x01\x07", "group\x18\x01\xa0\x01\x02", "kernel_shape@\x03@\x03\xa0\x01\x07", "transB\x18",
    "pads@\x00@\x00@\x00@\x00\xa0\x01\x07", "strides@\x01@\x01\xa0\x01\x07", "strides@\x02@\x02\xa0\x01\x07", "Add",
    '"\x04Conv*', '"\x07MaxPool*', '"\x07Flatten*', '"\x04Gemm*', '"\x04Relu', "features.0.weight", "conv1.bias",
    "conv2.weight", "conv2.bias", "fc1.weight", "fc2.weight", "fc3.weight", ".bias", ".weight", "images", "input",
    "output", "logits", "data", "batch", "j\n\n\x08location\x12\x01wp\x01", '"codebook"', '"zstd"', '"stored"',
    '"grid"', '"constant"',
    '{"carrier":"openvino","model":{', '{"carrier":"tflite","model":{',
    '{"carrier":"onnx","model":{"batch":16,"decoder":"classes","engines":["onnxruntime","openvino"],"input":{"colour":"',
    'GRAY","dtype":"float32","height":224,"layout":"NCHW","mean":[127.5,127.5,127.5],"name":"input","scale":',
    '0.00392156862745098,"width":224},"labels":["person"],"licence":"Apache-2.0","min_score":0.0,"name":"',
    '","outputs":{"scores":"output"},"task":"classify"},"peak_bytes":', ',"report":{},"skeleton":["deflate",',
    '],"source_sha256":"', '","tensors":[["conv1.weight","float32",[64,3,3,3],"codebook",',
    '],["conv1.bias","float32",[64],"zstd",', '],["fc.weight","float32",[10,128],"sparse",',
    ']],"tool":"edge-runtime ', '","version":1}',
)  # fmt: skip

DICTIONARY = "".join(_WORDS).encode("latin-1")
