"""The ground: a network as a value, its nodes, and what is known of each operator."""
