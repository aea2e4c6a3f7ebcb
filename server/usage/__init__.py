"""Sessions and their minutes."""
