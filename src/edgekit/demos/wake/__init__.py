"""A keyword spotter that hears "okay marimba": network and training."""
