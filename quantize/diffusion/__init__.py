"""Denoisers: grids for each group of steps, and the effect of integers on a sampler."""
