"""Peers of a build: other engines that run networks, each in a separate environment.

Their packages clash.
"""
