"""What controllers without a line send and are sent on a stick."""
