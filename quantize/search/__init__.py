"""``--recipe auto``: which types are worth their cost."""
