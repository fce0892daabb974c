"""The float network in shapes that suit integers."""
