"""The verb ``bench``: times, what ran beside, and the pages that show both."""
