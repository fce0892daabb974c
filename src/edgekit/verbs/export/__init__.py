"""The verb ``export``: from what a user names to a verified build."""
