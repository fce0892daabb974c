"""A compressor with four knobs, learnt by a network: `edgekit demo compressor`."""
