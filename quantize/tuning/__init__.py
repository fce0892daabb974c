"""Float weights trained a little against the integers that will be made of them."""
