"""Operators by others that kernels know."""
