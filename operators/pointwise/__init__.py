"""Functions of one value, and their tables."""
