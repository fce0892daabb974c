"""Runners of a build in this process."""
