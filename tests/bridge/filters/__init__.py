"""Signal filters."""
