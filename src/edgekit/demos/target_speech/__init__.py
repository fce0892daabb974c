"""Target speech: of two talkers in noise, keep the one that the listener looked at."""
