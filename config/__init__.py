"""Example configurations, one per kind of machine."""
