"""Operators, family by family: what each computes; `edgekit.operators.table` joins them."""
