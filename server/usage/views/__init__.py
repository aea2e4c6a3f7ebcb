"""Each page of usage."""
