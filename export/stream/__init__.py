"""Rewrites an offline network with an open time axis to a network that reads one hop and carries explicit state.

Reading order: `convert` (the verb), `sources` (the offline network at any length), `facts` (time axis,
rate and length of every tensor), `needs` (how far every tensor is read), `track`, `hopgraph` (states,
counters), `known`, `values`, `rewrite` (the one primitive, delays, masks), `rules` (one per
operator), `prove`.
"""
