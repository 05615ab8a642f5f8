"""People's joints, and what is made of them: `[pose]`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from edge.config.fields import Many, OneOrSome, Text
from edge.config.schema.base import Table

DEFAULT_POSE = "pose-landmark-full"
Kind = Literal["fall", "lying", "hands_up", "waving", "running", "crowding"]


class PoseTable(Table):
    """Joints, postures and falls of the people that the model finds."""

    enabled: bool = Field(
        default=False, description="Find people's joints, postures and falls. Costs a run of its model a person."
    )
    model: Text = Field(
        default=DEFAULT_POSE,
        description="Name of a pose model in the catalogue (`edge models list`), or the path of a model file.",
    )
    engine: OneOrSome[Text] = Field(
        default=("auto",),
        description="Back end of the pose model, as `model.engine`; threads and precision are those of `[model]`.",
        json_schema_extra={"kind": "text or list of text", "shown": '`"auto"`'},
    )
    device: Text | None = Field(
        default=None,
        description="Device of that back end, as `model.device`.",
        json_schema_extra={"shown": "the back end's usual one"},
    )
    hz: Annotated[float, Field(gt=0, le=60)] = Field(
        default=15.0, description="Most looks a second at one person; somebody who keeps still gets one a second."
    )
    judge: Literal["rules", "network", "both"] = Field(
        default="both",
        description="What tells of a fall: rules on the body's shape, a small trained network on some seconds of "
        "joints, or both: the rules, unless the network finds no fall more likely, and the network where it is sure. "
        "Without an engine for the network, rules alone.",
    )
    network: Text | None = Field(
        default=None,
        description="Path of the network, as `edge train-posture` writes it.",
        json_schema_extra={"shown": "the one that is part of the package"},
    )
    lying_s: Annotated[float, Field(ge=0)] = Field(
        default=120.0,
        description="Who lies for so many seconds where no zone has `rest = true` is told of. 0: nobody is.",
    )
    crowd: Annotated[int, Field(ge=2)] | None = Field(
        default=None, description="So many people in one picture are told of as a crowd. Unset: never."
    )
    alert: Literal["always", "armed", "never"] = Field(
        default="always",
        description="When a fall is mailed: a fall is no burglary, and is mailed while the alarm is off, too.",
    )
    alert_for: Many[Kind] = Field(
        default=("fall", "lying"),
        description="What is mailed so: `fall`, `lying` (for too long), `hands_up`, `waving`, `running`, `crowding`.",
    )
    record: bool = Field(
        default=True,
        description="Keep the joints of the person of each event as numbers, with every `privacy.blur`: the page shows "
        "them as a stick figure, and `edge posture` judges them again.",
    )
