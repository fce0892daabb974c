"""What LiteRT runs for each operator, one file per family."""
