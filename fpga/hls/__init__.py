"""The HLS description of an engine: C++17 in the style of Vitis HLS, with stand-ins for a vendor's headers."""
