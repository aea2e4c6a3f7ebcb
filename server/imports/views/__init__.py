"""The pages of sheets on their way in."""
