"""The raw tables the simulation writes: one module each, from arrays to columns."""
