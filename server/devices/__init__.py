"""Controllers: how they are taken in, what they are told, how they are."""
