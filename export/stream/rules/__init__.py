"""Rules, one per operator: the context that it keeps and the delay that it adds."""
