"""Times of hops, and what runs beside."""
