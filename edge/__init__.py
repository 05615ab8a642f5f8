"""An embedded vision runtime for Raspberry Pi and Jetson: cameras in, decisions out.

The way of a frame, in the order of the modules:

    capture -> motion gate -> infer -> decode -> track -> rules -> outbox -> MQTT, email, web

Start reading in `edge.pipeline`: one function is the whole product for one camera.
"""

__version__ = "0.1.0"
