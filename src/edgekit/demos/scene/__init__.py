"""`edgekit demo scene`: what sounds where, of four channels of first-order ambisonics (SELD, ACCDOA)."""
