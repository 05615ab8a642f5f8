"""The web page: arm, look, read what happened. Starlette and uvicorn are imported by `app` and `server` alone.

house.py      what the page needs from the daemon
settings.py   where it listens, who may ask
auth.py       password, first token, sessions      throttle.py   how often one may guess
guard.py      Host, Origin, session, CSRF and body size of every request, in one place
live.py       pictures while somebody watches      feed.py       status and events as they change
pages.py      the forms                            api.py        what the page's script asks
past.py       what happened, and the owner's word  answers.py    answers that several give
workshop.py   what the settings and the drawing ask
files.py      style, script, icons                 app.py        the table of routes
server.py     socket, thread, clean stop
"""
