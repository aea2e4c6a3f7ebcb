"""Lines that are held at their safe level while no daemon lives: not every kernel keeps what is let go."""

from __future__ import annotations

import contextlib
from typing import Any


class HeldLines:
    """Held by this process from when it opened them until a daemon wants them."""

    def __init__(self) -> None:
        self._handles: dict[tuple[int, int], int] = {}

    def __len__(self) -> int:
        """Return how many are held."""
        return len(self._handles)

    def __contains__(self, opening: dict[str, Any]) -> bool:
        """Return whether this one is."""
        return (opening.get("chip"), opening.get("line")) in self._handles

    def open(self, opening: dict[str, Any]) -> None:
        """Put a line at its safe level and hold it. Raises what lgpio raises, KeyError."""
        import lgpio  # noqa: PLC0415 - only once it is needed, so that the guard starts on any machine

        place = opening["chip"], opening["line"]
        handle = self._handles.get(place)
        if handle is None:
            handle = lgpio.gpiochip_open(opening["chip"])
        try:
            lgpio.gpio_claim_output(handle, opening["line"], opening["level"])
        except Exception:
            if place not in self._handles:
                lgpio.gpiochip_close(handle)
            raise
        self._handles[place] = handle

    def let_go(self) -> None:
        """Let every one go: whoever claims it next says at which level."""
        if self._handles:
            import lgpio  # noqa: PLC0415 - likewise

            for handle in self._handles.values():
                with contextlib.suppress(lgpio.error, OSError):
                    lgpio.gpiochip_close(handle)
            self._handles.clear()
