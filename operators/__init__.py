"""What operators compute, family by family; `edgekit.operators.table` joins them."""
