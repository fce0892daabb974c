"""A build folder: its manifest, and arrays that fit it."""
