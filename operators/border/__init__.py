"""Conversions between float and integers, and between integer types."""
