"""People's joints, and what is made of them: `[pose]`."""

from __future__ import annotations

from pydantic import Field

from edge.config.fields import Text
from edge.config.schema.base import Table

DEFAULT_POSE = "pose-landmark-full"


class PoseTable(Table):
    """Joints, postures and falls of the people that the model finds."""

    enabled: bool = Field(
        default=False, description="Find people's joints, postures and falls. Costs a run of its model a person."
    )
    model: Text = Field(
        default=DEFAULT_POSE,
        description="Name of a pose model in the catalogue (`edge models list`), or the path of a model file.",
    )
    record: bool = Field(
        default=True,
        description="Keep the joints of the person of each event as numbers, with every `privacy.blur`: the page shows "
        "them as a stick figure, and `edge posture` judges them again.",
    )
