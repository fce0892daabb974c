"""A keyword spotter for "okay marimba": network and training."""
