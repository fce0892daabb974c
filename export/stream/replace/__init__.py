"""Replaces nodes that need the end of a recording by causal ones, if the user asks for it.

Reading order: `forms` (allowed replacements), `plan` (the nodes of a network that are replaced), `instance` (one
length of the network while it changes), `grow` (nodes after a mean that has become one number per frame),
`means`, `norms`, `others` (the forms), `distance` (how far the new network is from the old one).
"""
