"""Back ends: bytes to tensors, one file each. `registry` is their table; nothing of a vendor is imported before it is
chosen, and no back end knows another."""
