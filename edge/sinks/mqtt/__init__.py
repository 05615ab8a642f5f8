"""MQTT 5 (3.1.1 on request): events at least once and in order, retained states always those of the running system.

sink.py      the thread: connect, serve, back off, say `stopped`
session.py   what goes over a connection and in which order; window, PUBACKs, refusals
link.py      one connection by paho's external-loop API
retained.py  what earlier runs left on the broker
limit.py     packets that it does not take
faults.py    what went wrong, in one line
"""

from edge.sinks.mqtt.settings import MqttSettings, TlsSettings
from edge.sinks.mqtt.sink import MqttSink

__all__ = ["MqttSettings", "MqttSink", "TlsSettings"]
