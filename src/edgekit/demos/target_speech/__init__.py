"""Target speech: of two talkers in noise the one is heard whom the listener looked at."""
