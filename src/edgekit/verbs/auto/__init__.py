"""``--recipe auto``: the cheapest types that keep a network near its float form."""
