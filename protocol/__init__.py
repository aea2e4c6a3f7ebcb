"""What controller and server say to each other, and what it means."""
