"""Hardware that is not there: chips, cards, pins, in a process that outlives the daemon."""
