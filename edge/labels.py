"""Labels of events about what is no object of a model; in a module of their own since the configuration speaks of them,
and is read without numpy."""

from __future__ import annotations

ALARM = "alarm"
"""About the alarm itself: triggers, panic, lockouts; which, and why, is their `sub_label`."""
WARNS = "armed, but "
"""What the `sub_label` of such an event begins with that is no alarm: it was armed, and cameras cannot see."""
TAMPER = "tamper"
"""About what somebody did to a camera; what it is is their `sub_label`."""
DARK = "dark"
"""The `sub_label` of tampering that may be none: the lights are off, and nobody knows what is behind that."""
LOST = "lost"
"""The `sub_label` of tampering where a camera gives no pictures any more."""
ENGINE = "engine"
"""About the engine that runs the model; what happened is their `sub_label`."""
MOTION = "motion"
"""About motion, which needs no model."""
PERSON = "person"
"""Those who have joints, and may fall."""
