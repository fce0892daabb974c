"""Rewrites operators to those that have kernels."""
