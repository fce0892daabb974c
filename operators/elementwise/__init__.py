"""Functions of several broadcast operands."""
