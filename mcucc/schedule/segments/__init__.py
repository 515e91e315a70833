"""Which nodes run together, row by row."""
