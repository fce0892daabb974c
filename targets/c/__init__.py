"""The C99 targets: integer operators -> memory plan -> sources.

Reading order: plan (who shares storage), memory (placing), emit (one file per operator family), program
(the sources), lower (check and build).
"""
