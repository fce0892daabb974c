"""LiteRT's operators for each operator of a network, one file per family."""
