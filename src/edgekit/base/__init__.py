"""Modules that all others may import: errors, files, noise, and the table of a sampler."""
