"""Devices that run builds outside this process."""
