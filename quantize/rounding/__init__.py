"""Rounds weights to integers."""
