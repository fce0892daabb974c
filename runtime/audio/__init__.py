"""Recordings and live sound."""
