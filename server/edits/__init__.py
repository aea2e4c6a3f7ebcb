"""Every edit of the whitelist: rows, history, version, undo."""
