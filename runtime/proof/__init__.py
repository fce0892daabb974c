"""The check of a build's proof: the emitted C is read again, without the model and without the planner."""
