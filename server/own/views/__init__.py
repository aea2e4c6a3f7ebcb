"""Each page of a member's own."""
