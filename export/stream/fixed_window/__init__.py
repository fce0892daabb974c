"""A network of one fixed window, as a stream of its newest frames."""
