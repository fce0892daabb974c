"""The C++ of an engine's C simulation."""
