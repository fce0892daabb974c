"""Quantized networks of other tools, in EdgeKit's form."""
