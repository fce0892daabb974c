"""Fused operators that a quantizer makes of several operators, with precise insides."""
