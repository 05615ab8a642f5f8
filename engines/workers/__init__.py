"""What runs in another process under an interpreter of its own: for back ends that ours cannot import.

Everything in this folder keeps to Python 3.6 and its standard library (NumPy in the workers), and imports nothing of
the rest of the package: the other interpreter does not have it.
"""
