"""The daemon: decides, switches, remembers, synchronises."""
