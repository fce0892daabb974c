"""How targets check and lower where their stage does not take the options as they are."""
