"""Whether a camera still sees what it is meant to see: moved, covered, blurred, blinded, or in the dark."""

from edge.tamper.kept import forget_view, recognise
from edge.tamper.settings import TamperSettings
from edge.tamper.view import Shift, Verdict, View, judge, shift_between
from edge.tamper.watch import Tamper

__all__ = [
    "Shift",
    "Tamper",
    "TamperSettings",
    "Verdict",
    "View",
    "forget_view",
    "judge",
    "recognise",
    "shift_between",
]
