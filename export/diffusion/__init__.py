"""Samplers of diffusion models, and networks cut for them."""
