"""Between float and integers, and between integer types."""
