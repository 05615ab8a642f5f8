"""Figures of packed models: `python -m bench.compression`, or `make bench-compression`."""
