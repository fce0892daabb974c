"""FPGA engines: not in this version."""
