"""Email: alerts with their picture, by smtplib in the sink's own thread.

sink.py     from the outbox to the mail server
alert.py    what is worth a mail, and to whom
desk.py     when it goes: throttle, pictures to come, quiet hours, quiet again
letter.py   the mail; words.py its words, photos.py its pictures
story.py    what is known over restarts
server.py   the session with the mail server; causes.py its faults in words
deadline.py what cuts a session that takes too long
probe.py    a trial of the server, step by step
"""
