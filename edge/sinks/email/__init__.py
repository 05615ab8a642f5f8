"""Email: alerts with their picture, by smtplib in the sink's own thread.

sink.py     what is mailed, and when
letter.py   the mail
server.py   the session with the mail server, and its faults in words
deadline.py what cuts a session that takes too long
"""

from edge.sinks.email.server import MailError, entered
from edge.sinks.email.settings import EmailSettings
from edge.sinks.email.sink import EmailSink

__all__ = ["EmailSettings", "EmailSink", "MailError", "entered"]
