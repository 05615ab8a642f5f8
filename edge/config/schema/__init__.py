"""Every key of `edge.toml`: its type, default and meaning. `docs/reference/config.md` is generated from these models.

The only module that knows pydantic besides its two readers, `load` and `diagnose`. Models are strict (a port is a
number, not text that looks like one), frozen, and refuse keys that they do not know. What needs more than one table to
judge (names that clash, files that are missing) is in `checks`.
"""

from __future__ import annotations

from pydantic import Field

from edge.config.fields import Some
from edge.config.schema.alarm import AlarmTable
from edge.config.schema.base import Table
from edge.config.schema.camera import Camera, CameraFilter, Filter, Line, Zone
from edge.config.schema.clips import Clips
from edge.config.schema.email import Email
from edge.config.schema.model import DEFAULT_MODELS, CropTable, Engine, Kserve, Model, Movidius
from edge.config.schema.mqtt import Mqtt, Tls
from edge.config.schema.node import STATE_FOLDER, Node, default_data_folder
from edge.config.schema.outlets import Jsonl, Web
from edge.config.schema.pose import PoseTable
from edge.config.schema.privacy import Privacy
from edge.config.schema.steer import SteerTable
from edge.config.schema.storage import Storage
from edge.labels import PERSON

__all__ = [
    "DEFAULT_MODELS",
    "STATE_FOLDER",
    "AlarmTable",
    "Camera",
    "CameraFilter",
    "Clips",
    "Config",
    "CropTable",
    "Email",
    "Engine",
    "Filter",
    "Jsonl",
    "Kserve",
    "Line",
    "Model",
    "Movidius",
    "Mqtt",
    "Node",
    "PoseTable",
    "Privacy",
    "SteerTable",
    "Storage",
    "Tls",
    "Web",
    "Zone",
    "default_data_folder",
]


class Config(Table):
    """The whole file. Tables that are absent have their defaults; `camera` holds at least one."""

    node: Node = Field(
        default_factory=Node,
        description="What this device is called, where it stands, and where it keeps what it stores.",
    )
    camera: Some[Camera] = Field(description="The cameras, one `[[camera]]` table each.")
    model: Model = Field(default_factory=Model, description="The model that finds objects.")
    pose: PoseTable = Field(default_factory=PoseTable, description="Joints, postures and falls.")
    crop: CropTable = Field(default_factory=CropTable, description="What the model sees of a frame.")
    engine: Engine = Field(default_factory=Engine, description="What some back ends need to be told.")
    alarm: AlarmTable = Field(default_factory=AlarmTable, description="Whether events alert anybody.")
    clips: Clips = Field(default_factory=Clips, description="Clips of events.")
    storage: Storage = Field(default_factory=Storage, description="How much of the disk is used, and for how long.")
    privacy: Privacy = Field(default_factory=Privacy, description="What pictures show, and what leaves the device.")
    mqtt: Mqtt = Field(default_factory=Mqtt, description="The broker that events and states go to.")
    email: Email = Field(default_factory=Email, description="Mail with a picture when something happens.")
    jsonl: Jsonl = Field(default_factory=Jsonl, description="Events as lines of JSON in a file.")
    steer: SteerTable = Field(default_factory=SteerTable, description="A small car that a model drives.")
    web: Web = Field(default_factory=Web, description="The page in the browser.")

    def poses(self, camera: Camera) -> bool:
        """Whether people's joints are looked for in a camera's pictures."""
        return self.pose.enabled and camera.pose and PERSON in camera.objects
