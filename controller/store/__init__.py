"""What the controller keeps on disk: journal and whitelist, in one SQLite database."""
