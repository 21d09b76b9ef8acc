"""oneway."""
