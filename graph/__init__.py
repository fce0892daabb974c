"""Basis of every stage: the model, its nodes, and facts about each operator."""
