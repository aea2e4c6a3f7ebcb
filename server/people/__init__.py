"""Members and their badges."""
