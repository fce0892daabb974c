"""A trombone that a voice plays, by differentiable signal processing: `edgekit demo instrument`."""
