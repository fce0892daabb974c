"""What runs in the environments of other engines: scripts that know numpy, the engine, and nothing of edgekit."""
