"""Weights in the order in which a device's kernels read them."""
