"""The instants at which the vocal folds close, from speech: `edgekit demo voice-source`."""
