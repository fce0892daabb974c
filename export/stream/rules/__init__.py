"""One rule per operator: what context it keeps and what delay it adds."""
