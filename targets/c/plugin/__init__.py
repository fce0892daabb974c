"""Plug-ins around a build of sound, which audio hosts load."""
