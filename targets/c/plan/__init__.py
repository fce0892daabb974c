"""Plan of memory: the storage of each tensor, its place, and that of a build in the memories of a board."""
