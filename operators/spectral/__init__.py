"""Fourier transforms and the PCM front end."""
