"""The form of ``--set``, in words: light, since the command line reads it."""

FORM = "NAME=VALUE, NAME=0s:VALUE,2.5s:VALUE, NAME=LEAST:MOST, or NAME=FILE.npy"
STEP = "write --set knob=0.3, or --set knob=0s:0.3,2.5s:0.8; for calibration also --set knob=0:1"
