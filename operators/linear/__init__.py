"""Products with matrices."""
