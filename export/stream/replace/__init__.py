"""What needs the end of a recording is replaced by what does not, where the user asks for it.

Reading order: `forms` (what may be replaced by what), `plan` (the nodes of a network that are), `instance` (one
length of the network while it is changed), `grow` (what stands behind a mean that has become one number per
frame), `means`, `norms`, `others` (the forms), `distance` (how far the new network is from the old one).
"""
