"""Joints of people: estimated, smoothed, and tied to who they belong to."""
