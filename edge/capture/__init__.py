"""Cameras and clips: a file a kind of source, and `sources` as their table."""
