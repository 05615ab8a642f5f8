"""People made of joints, moved by rules and seen through cameras that never were: what judges of motion learn from."""
