"""Everything fails at random for a while, and then everything must have been told: `python -m tests.chaos`."""
