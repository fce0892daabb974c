"""Which type every tensor gets."""
