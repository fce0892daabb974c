"""The operators in NumPy, by the families of the C emitters; `table.OPERATORS` is the table."""
