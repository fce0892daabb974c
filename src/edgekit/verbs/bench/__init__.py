"""The verb ``bench``: times of a build and of its peers, and the pages that show both."""
