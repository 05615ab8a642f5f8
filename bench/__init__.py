"""Every figure that the README quotes: `python -m bench` measures it here and now, beside its target.

Speed is told as a ratio of two things measured in the same run, a median of several, since machines differ and are
busy. What needs footage or a program that is not here is named and left out.
"""
