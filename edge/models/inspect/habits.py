"""How the projects of each family feed their models, which no file says: where a draft's `[input]` comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
BYTE = 1 / 255


@dataclass(frozen=True, slots=True)
class Habit:
    """How a family is fed where its input takes floats: fields as in `edge.preprocess.Input`.

    why: the project whose code shows it
    others: what else such models are often fed
    """

    why: str
    colour: str = "RGB"
    scale: float = 1.0
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    fit: str = "stretch"
    pad: int = 0
    anchor: str = "top-left"
    rounding: str = "nearest"
    others: str = ""


ULTRALYTICS = Habit("Ultralytics does so", scale=BYTE, fit="letterbox", pad=114, anchor="centre")
DARKNET = Habit(
    "Darknet does so; AlexeyAB's fork stretches instead", scale=BYTE, fit="letterbox", pad=127, anchor="centre"
)
TENSORFLOW = Habit("TensorFlow's object detection API does so", mean=(127.5,) * 3, std=(127.5,) * 3)
KERAS = Habit("Keras's MobileNet does so", mean=(127.5,) * 3, std=(127.5,) * 3, others="or plain 0..255, or 0..1")
UNKNOWN = Habit("many do so, and its head is not recognised")
HABITS: Mapping[str, Habit] = {
    "yolov8": ULTRALYTICS,
    "yolov8-raw": ULTRALYTICS,
    "yolov8-seg": ULTRALYTICS,
    "yolov5": ULTRALYTICS,
    "yolov5-raw": ULTRALYTICS,
    "yolo-end2end": ULTRALYTICS,
    "yolov8-pose": ULTRALYTICS,
    "yolo-end2end-pose": ULTRALYTICS,
    "yolox": Habit("YOLOX does so", colour="BGR", fit="letterbox", pad=114, rounding="down"),
    "fastestdet": Habit("FastestDet does so", colour="BGR", scale=BYTE),
    "nanodet": Habit("NanoDet does so", colour="BGR", mean=(103.53, 116.28, 123.675), std=(57.375, 57.12, 58.395)),
    "yolov4": Habit("pytorch-YOLOv4 does so", scale=BYTE),
    "yolov3-raw": DARKNET,
    "yolov2": DARKNET,
    "squeezedet": Habit("SqueezeDet does so", colour="BGR", mean=(103.939, 116.779, 123.68)),
    "detr": Habit("DETR does so", scale=BYTE, mean=IMAGENET[0], std=IMAGENET[1]),
    "rf-detr": Habit("RF-DETR does so", scale=BYTE, mean=IMAGENET[0], std=IMAGENET[1]),
    "ssd-anchors": Habit("Ultra-Light-Fast-Generic-Face-Detector does so", mean=(127.0,) * 3, std=(128.0,) * 3),
    "tflite-ssd": TENSORFLOW,
    "graph-ssd": TENSORFLOW,
    "movenet": Habit("MoveNet does so", fit="letterbox", anchor="centre"),
    "openpose": Habit(
        "lightweight-human-pose-estimation does so",
        colour="BGR",
        mean=(128.0,) * 3,
        std=(256.0,) * 3,
        fit="letterbox",
        pad=128,
        anchor="centre",
        others="or plain 0..255, as Open Model Zoo's",
    ),
    "blazepose-detector": Habit(
        "MediaPipe does so", mean=(127.5,) * 3, std=(127.5,) * 3, fit="letterbox", anchor="centre"
    ),
    "blazepose-landmarks": Habit("MediaPipe does so", scale=BYTE),
    "classes": Habit(
        "torchvision does so",
        scale=BYTE,
        mean=IMAGENET[0],
        std=IMAGENET[1],
        fit="crop",
        others="or -1..1: scale 1, mean and std 127.5",
    ),
    "values": Habit("many do so", scale=BYTE),
}
"""Sources: ultralytics/data/augment.py, LetterBox; YOLOX, yolox/data/data_augment.py, preproc; FastestDet, test.py;
nanodet, config/*.yml; pytorch-YOLOv4, demo_darknet2onnx.py; darknet, src/image.c, letterbox_image; squeezeDet,
src/config; detr and rf-detr, datasets/transforms; models/research/object_detection/export_tflite_ssd_graph.py;
tensorflow.org/hub/tutorials/movenet; lightweight-human-pose-estimation.pytorch, demo.py; mediapipe, modules/pose_*;
torchvision.models' transforms; keras/src/applications/imagenet_utils.py."""


def habit_of(decoder: str | None, layout: str) -> Habit:
    """How a family is fed; a classifier as TensorFlow's are where its channels come last, as in most TFLite files."""
    if decoder == "classes" and layout == "NHWC":
        return KERAS
    return UNKNOWN if decoder is None else HABITS.get(decoder, UNKNOWN)
