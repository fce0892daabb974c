"""How weights become integers."""
