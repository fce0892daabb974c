"""Constants that the network, the demo and the training share."""

CLASSES = ("speech", "alarm", "music", "drums")
INTERFERER = len(CLASSES)  # the kind of an event that is to be ignored
RATE, N_FFT, HOP, BANDS = 16_000, 512, 320, 48
FRONTEND = f"mel:{N_FFT}:{HOP}:hann:{BANDS}:log+intensity:{BANDS}"
LATE = 5  # frames that the network waits before its output
