"""The control socket: the daemon's side, and the commands' side."""
