"""The verb ``export``: from a named source to a verified build."""
