"""The ways out of the device: each takes what waits for it in the outbox, in a thread of its own.

base.py         what a sink is, what it needs of the outbox
mqtt/           events and retained states to a broker
homeassistant/  what makes them devices and entities there
email/          alerts with their picture
jsonl.py        lines of JSON
"""
