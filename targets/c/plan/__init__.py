"""Where each tensor lives: its storage, its place in memory, and that of a build in the memories of a board."""
