"""A front camera on closed loops that never were: for teaching a pilot and for judging it.

    track ──► world ──► frame ──► pilot ──► command ──► car ──► pose ──► frame ...
    (loop)    (painted            (model, expert        (bicycle, lag)
               ground)             or steer-0)

Everything follows from seeds; two runs give the same bytes.
"""
