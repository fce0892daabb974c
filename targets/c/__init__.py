"""The C99 targets: integer operators -> memory plan -> sources.

Reading order: rewrite (the network as C takes it), plan (shared storage and addresses), packing (weights), emit (one
file per operator family), program (the sources), replay (golden data). lower checks and builds.
"""
