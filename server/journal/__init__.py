"""What controllers send, and how it is processed."""
