"""What runs on a workstation rather than on the device: benchmarks now, compression and training later."""
