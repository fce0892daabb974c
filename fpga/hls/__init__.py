"""The HLS C++ project of an engine: sources, its configuration, its data, a test bench and a Vitis HLS script."""
