"""Structured pruning: whole filters are cut out of an ONNX graph, with all that depends on them.

What is left is a smaller dense graph that every engine runs faster, with no sparse kernels.
"""
