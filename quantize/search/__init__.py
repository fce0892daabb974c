"""``--recipe auto``: finds the types that are worth their cost."""
