"""What every app of the server stands on: settings, keys, rendering, what it holds of itself."""
