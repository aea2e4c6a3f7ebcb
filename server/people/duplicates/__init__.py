"""Members who may be one person: found, and offered to whoever knows."""
