"""Today: what is, what waits for whoever runs the workshop, and what they can do about it."""
