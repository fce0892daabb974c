"""Quantized networks of other tools, in our own form."""
