"""How the projects of each family feed their models, which no file says: where a draft's `[input]` comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
BYTE = 1 / 255


@dataclass(frozen=True, slots=True)
class Habit:
    """How a family is fed where its input takes floats: fields as in `edge.preprocess.Input`.

    whose: the project whose code shows it
    """

    whose: str
    colour: str = "RGB"
    scale: float = 1.0
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    fit: str = "stretch"
    pad: int = 0
    anchor: str = "top-left"
    rounding: str = "nearest"


ULTRALYTICS = Habit("Ultralytics", scale=BYTE, fit="letterbox", pad=114, anchor="centre")
DARKNET = Habit("Darknet; AlexeyAB's fork stretches instead", scale=BYTE, fit="letterbox", pad=127, anchor="centre")
TENSORFLOW = Habit("TensorFlow's object detection API", mean=(127.5,) * 3, std=(127.5,) * 3)
HABITS: Mapping[str, Habit] = {
    "yolov8": ULTRALYTICS,
    "yolov8-raw": ULTRALYTICS,
    "yolov8-seg": ULTRALYTICS,
    "yolov5": ULTRALYTICS,
    "yolov5-raw": ULTRALYTICS,
    "yolo-end2end": ULTRALYTICS,
    "yolox": Habit("YOLOX", colour="BGR", fit="letterbox", pad=114, rounding="down"),
    "fastestdet": Habit("FastestDet", colour="BGR", scale=BYTE),
    "nanodet": Habit("NanoDet", colour="BGR", mean=(103.53, 116.28, 123.675), std=(57.375, 57.12, 58.395)),
    "yolov4": Habit("pytorch-YOLOv4", scale=BYTE),
    "yolov3-raw": DARKNET,
    "yolov2": DARKNET,
    "squeezedet": Habit("SqueezeDet", colour="BGR", mean=(103.939, 116.779, 123.68)),
    "detr": Habit("DETR", scale=BYTE, mean=IMAGENET[0], std=IMAGENET[1]),
    "rf-detr": Habit("RF-DETR", scale=BYTE, mean=IMAGENET[0], std=IMAGENET[1]),
    "ssd-anchors": Habit("Ultra-Light-Fast-Generic-Face-Detector", mean=(127.0,) * 3, std=(128.0,) * 3),
    "tflite-ssd": TENSORFLOW,
    "graph-ssd": TENSORFLOW,
    "movenet": Habit("MoveNet", fit="letterbox", anchor="centre"),
    "classes": Habit("torchvision; Keras often takes -1..1", scale=BYTE, mean=IMAGENET[0], std=IMAGENET[1], fit="crop"),
    "values": Habit("many", scale=BYTE),
}
"""Sources: ultralytics/data/augment.py, LetterBox; YOLOX, yolox/data/data_augment.py, preproc; FastestDet, test.py;
nanodet, config/*.yml; pytorch-YOLOv4, demo_darknet2onnx.py; darknet, src/image.c, letterbox_image; squeezeDet,
src/config; detr and rf-detr, datasets/transforms; models/research/object_detection/export_tflite_ssd_graph.py;
tensorflow.org/hub/tutorials/movenet; torchvision.models' transforms."""
