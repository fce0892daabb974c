"""Costs of this machine's processor, which choose kernels of builds for it: `edgekit doctor --measure`."""
