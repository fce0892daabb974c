"""The ground that every stage stands on: the model, its nodes, what is so of each operator."""
