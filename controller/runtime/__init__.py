"""The loop, and what it owns: clocks, messages, the watchdog's food."""
