"""Small networks that come with EdgeKit, and clips to play and calibrate them with."""
