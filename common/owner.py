"""The one thread that may touch something: said where it begins, checked where it is touched.

Checked where LOQUET_OWNERS names a folder, as in the tests: who is not the owner is refused, and written down there.
"""

from __future__ import annotations

import os
import threading
import traceback
import uuid
from pathlib import Path
from types import TracebackType

FOLDER = os.environ.get("LOQUET_OWNERS")


class OwnerError(RuntimeError):
    """A thread touched what another one owns."""


class Owner:
    """Nobody, until a thread takes it: `with owner:`. Before and after, whoever assembles or takes down may touch."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._thread: int | None = None

    def __enter__(self) -> None:
        self._thread = threading.get_ident()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread = None

    def check(self) -> None:
        """Refuse any thread but the owner. Raises OwnerError."""
        if FOLDER and self._thread is not None and self._thread != threading.get_ident():
            said = f"{threading.current_thread().name} touches {self._what}, which another thread owns"
            Path(FOLDER, f"owner-{uuid.uuid4().hex}").write_text(f"{said}\n{''.join(traceback.format_stack()[-8:])}")
            raise OwnerError(said)
