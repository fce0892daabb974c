"""Times of hops, of a build and of its peers."""
