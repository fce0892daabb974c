"""Emitters of convolutions, and which kernel takes one."""
