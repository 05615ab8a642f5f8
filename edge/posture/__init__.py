"""How somebody stands, sits or lies, and what happens to them, from their joints alone."""
