"""What a run prints: a line for each thing that was seen, and whether it had to be so."""

from __future__ import annotations

import time


class Report:
    """Counts what was not as it must be."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.proved = 0
        self.failed: list[str] = []

    def must(self, holds: object, said: str) -> None:
        """Print something that must be true."""
        if holds:
            self.proved += 1
        else:
            self.failed.append(said)
        self._print("ok " if holds else "NOT", said)

    def note(self, said: str) -> None:
        """Print something that was seen, and proves nothing by itself."""
        self._print("   ", said)

    def title(self, said: str) -> None:
        """Print what comes."""
        print(f"\n{said}", flush=True)

    def _print(self, mark: str, said: str) -> None:
        print(f"{time.monotonic() - self._began:6.0f} s  {mark}  {said}", flush=True)
