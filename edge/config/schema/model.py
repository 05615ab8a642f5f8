"""The model, what runs it, and what it sees of a frame: `[model]`, `[engine]`, `[crop]`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from edge.config.fields import FilePath, OneOrSome, Server, Share, Text, TextOrTexts
from edge.config.schema.base import Table

DEFAULT_MODELS = ("ssdlite-pedestrian", "pose-detection")
"""Where the user names none: for people far away, and for those near the camera."""


class Model(Table):
    """The model that finds objects, or several whose finds are put together."""

    name: TextOrTexts = Field(
        default=DEFAULT_MODELS,
        description="Name of a model in the catalogue (`edge models list`), or the path of a model file; or a list of "
        "them, whose finds are one list: the first one's scores count, and events name it.",
        json_schema_extra={"kind": "text or list of text"},
    )
    engine: OneOrSome[Text] = Field(
        default=("auto",),
        description="Back end: `auto`, a name from `edge engines`, or a list in order of preference: the daemon falls "
        "over to the next when one is lost, and goes back when it returns.",
        json_schema_extra={"kind": "text or list of text", "shown": '`"auto"`'},
    )
    threads: Annotated[int, Field(ge=0, le=256)] = Field(
        default=0, description="CPU threads of one inference; 0: the cores, four at most."
    )
    device: Text | None = Field(
        default=None,
        description="Device of the back end, of the first of a list; such as `GPU`, `CUDA`, `EDGETPU`. One that is not "
        "there is an error.",
        json_schema_extra={"shown": "the back end's usual one"},
    )
    precision: Literal["f32", "f16", "bf16"] = Field(
        default="f32",
        description="Of the computation, where the back end lets it be chosen; less is faster, not equal.",
    )
    min_score: Share | None = Field(
        default=None, description="Least score of a detection, for cameras that set none. Unset: the manifest's."
    )
    manifest: FilePath | None = Field(
        default=None,
        description="Manifest of a model file that has none beside it: decoder, input, labels. Of a list, the first's.",
    )

    @property
    def names(self) -> tuple[str, ...]:
        """The models, in their order; at least one."""
        return (self.name,) if isinstance(self.name, str) else self.name

    @property
    def by_default(self) -> bool:
        """Whether the user has named none."""
        return "name" not in self.model_fields_set


class Kserve(Table):
    """A server of the Open Inference Protocol (Triton, KServe, OpenVINO Model Server). Pictures leave this device."""

    url: Server | None = Field(
        default=None, repr=False, description="Address of the server, e.g. `http://192.168.1.5:8000`."
    )
    model: Text | None = Field(
        default=None,
        description="Name of the model there, `NAME` or `NAME/VERSION`.",
        json_schema_extra={"shown": "the model file's name without its ending"},
    )


class Movidius(Table):
    """A Myriad X stick, whose last drivers need an older Python in a process of its own."""

    python: FilePath | None = Field(
        default=None, description="The interpreter that has OpenVINO 2021.4 or 2022.3, e.g. `/opt/myriad/bin/python`."
    )


class Engine(Table):
    """What some back ends need to be told."""

    timeout_s: Annotated[float, Field(gt=0, le=60)] = Field(
        default=5.0, description="Most seconds that a back end in another process or on a server may take for one run."
    )
    kserve: Kserve = Field(default_factory=Kserve, description="A server that runs models.")
    movidius: Movidius = Field(default_factory=Movidius, description="A Myriad X stick.")


class CropTable(Table):
    """Whether the model sees whole frames or crops around what moves."""

    policy: Literal["auto", "frame", "crop"] = Field(
        default="auto",
        description="`frame`: whole frames. `crop`: crops around what moves and what is followed, magnified by a model "
        "of one size, which finds people farther away. `auto`: crops where they cost less, with a model of open size.",
    )
