"""Members who turned out to be one person: merged, and separated again."""
