"""Denoisers: grids for each group of steps, and what integers do to a sampler."""
