"""Trains float weights a little for their later rounding to integers."""
