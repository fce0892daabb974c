"""The C99 targets: integer operators -> memory plan -> sources.

Reading order: rewrite (the network as C takes it), plan (who shares storage, and where), packing (weights), emit (one
file per operator family), program (the sources), replay (golden data); lower checks and builds.
"""
