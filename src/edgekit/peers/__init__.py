"""Peers beside a build: what others run networks with, each in an environment of its own.

Their packages clash.
"""
