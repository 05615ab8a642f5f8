"""The configuration: `load` reads it, `schema` says what may be in it, `diagnose` what is wrong with it."""
