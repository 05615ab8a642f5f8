"""Steering: a model says where to, a gate decides what the car is told, a process of its own sees to it.

    camera -> pilot -> [socket] -> states, gate -> actuator
    the child (`loop`)             the parent (`parent`)

Only the parent touches the actuator, and whatever the child does, or ceases to do, it ends at neutral.
"""
