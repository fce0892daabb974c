"""The emitted sources: constants, functions, the network, and what stands around it."""
