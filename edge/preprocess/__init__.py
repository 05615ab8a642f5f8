"""Fit a frame to a model's input, and the model's boxes back to the frame: both made together."""

from edge.preprocess.fit import Fit
from edge.preprocess.input import CHANNELS, Input

__all__ = ["CHANNELS", "Fit", "Input"]
