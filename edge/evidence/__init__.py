"""Evidence: the pictures that stand for events."""
