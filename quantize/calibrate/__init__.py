"""Observations of a network's tensors on real inputs."""
