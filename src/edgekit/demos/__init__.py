"""Small networks that come with EdgeKit, and clips to hear and calibrate them with."""
