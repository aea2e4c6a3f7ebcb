"""Badge readers: the chips, what they say, and what changed on them."""
