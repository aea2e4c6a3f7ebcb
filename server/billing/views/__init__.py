"""The pages of what things cost."""
