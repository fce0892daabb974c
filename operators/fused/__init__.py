"""What a quantizer makes of several operators, with precise insides."""
