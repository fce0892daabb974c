"""C emitters, one file per operator family; `edgekit.targets.c.emit.table.EMITTERS` is the table."""
