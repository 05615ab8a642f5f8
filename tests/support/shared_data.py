"""Real models and pictures beside the checkout; tests that want them skip, saying so, where they are absent."""

from __future__ import annotations

from pathlib import Path

import pytest

DATA = Path(__file__).parents[3] / "shared" / "data"
MODELS = DATA / "models"
IMAGES = DATA / "images"
SSD = MODELS / "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"
YOLOX = MODELS / "yolox_nano_416.onnx"
FASTESTDET = MODELS / "FastestDet.onnx"

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is absent")
