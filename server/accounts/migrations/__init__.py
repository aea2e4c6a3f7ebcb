"""Django writes these."""
