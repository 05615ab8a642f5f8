"""Training-time compression: a network is pruned, its weights share values, and both are trained to keep what it knew.

Deep Compression (Han, Mao, Dally 2015, arXiv:1510.00149) on any ONNX model of common operators. From the file inwards:
`interpret` runs its graph in torch, `prune` says which weights stay, `share` lets those that stay share few values,
`fit` trains through both, `write` puts the result back into the model and packs it.

torch is the extra `train`; it is imported once a function here needs it. `Tensor` and modules of torch are typed as
Any, so that the rest of the house is checked without it.
"""
