"""The line to the central server: who we are to it, what goes up, what comes down. Nothing here decides about a tap."""
