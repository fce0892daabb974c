"""Chooses the type of every tensor."""
