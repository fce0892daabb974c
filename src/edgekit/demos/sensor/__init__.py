"""A drifting sensor, read by a hierarchy of rates: `edgekit demo sensor`."""
