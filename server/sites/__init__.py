"""Workshops, and who runs them; what an account sees of them."""
