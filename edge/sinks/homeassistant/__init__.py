"""What Home Assistant is told, so that cameras and alarm appear there by themselves: one retained message a device.

discovery.py  when, under which ids, and what is gone
entities.py   the devices and what they consist of
"""

from edge.sinks.homeassistant.discovery import Discovery, birth_topic

__all__ = ["Discovery", "birth_topic"]
