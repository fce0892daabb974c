"""Deformable convolutions."""
