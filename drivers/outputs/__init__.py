"""What is switched: relays on pins, on USB, on RS-485, plugs on a network."""
