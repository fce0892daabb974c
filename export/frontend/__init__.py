"""The PCM front end, put around a network."""
