"""The pages of the whitelist: the grid, one cell of it, and Explain."""
