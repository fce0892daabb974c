"""The emitted sources: constants, functions, the network, and the code around it."""
