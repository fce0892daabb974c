"""Checks and lowering of targets whose stage does not take the options as they are."""
