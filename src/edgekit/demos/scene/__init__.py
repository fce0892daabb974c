"""`edgekit demo scene`: sound sources and their directions, from first-order ambisonics (SELD, ACCDOA)."""
