"""Loops over tensors: strides of nests, and walks along lists of indices."""
