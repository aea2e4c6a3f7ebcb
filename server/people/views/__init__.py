"""The pages of members, of badges, and of whole lists that are imported."""
