"""What runs on a workstation rather than on the device: compression and training, from a later release on."""
