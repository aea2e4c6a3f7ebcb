"""Pins that are claimed at a level: gpiozero's lgpio factory, without its pulse.

gpiozero's own LGPIOPin claims an input, then an output at 0, then writes the level that is wanted: an
active-low relay pulses at every start, and a level that outlived a crash is lost. Ours claims nothing until
it is told what to be, and then claims it at the level that is asked for.
"""

from __future__ import annotations

import os
from typing import Any

import lgpio
from gpiozero.pins.lgpio import LGPIOFactory, LGPIOPin

from drivers.bus import kernel_lines


class LevelPin(LGPIOPin):
    """A pin that is left as found until it is given a function, and freed as it stands."""

    def __init__(self, factory: LevelFactory, info: Any) -> None:  # noqa: ANN401 - gpiozero has no types
        # LGPIOPin.__init__ would claim the line as an input: its parent's is called, and its fields are set.
        super(LGPIOPin, self).__init__(factory, info)
        self._pwm = None
        self._bounce = None
        self._callback = None
        self._edges = lgpio.BOTH_EDGES
        self._claimed = False

    def output_with_state(self, state: bool) -> None:
        """Become an output that stands at *state* from its first instant."""
        lgpio.gpio_claim_output(self.factory.handle, self._number, int(state))
        self._claimed = True

    def _set_function(self, value: str) -> None:
        super()._set_function(value)
        self._claimed = True

    def _set_state(self, value: float) -> None:
        if self._pwm or not self._claimed:
            super()._set_state(value)
        else:
            # An output of ours: asking the kernel for its direction first would cost a call on the way of a tap.
            lgpio.gpio_write(self.factory.handle, self._number, int(bool(value)))

    def _get_state(self) -> Any:  # noqa: ANN401 - a level or a duty cycle
        if not self._claimed:
            self._set_function("input")
        return super()._get_state()

    def close(self) -> None:
        """Free the line; what becomes of its level is the kernel's affair (kernel_lines.py)."""
        if self.factory.handle is not None and self._claimed:
            if self._pwm:
                self._set_frequency(None)
            lgpio.gpio_free(self.factory.handle, self._number)
            self._claimed = False


class LevelFactory(LGPIOFactory):
    """gpiozero's lgpio factory with our pins. LOQUET_BOARD_REVISION names the board where /proc does not."""

    claims_at_level = True

    def __init__(self, chip: int | None = None) -> None:
        super().__init__(chip)
        self.pin_class = LevelPin

    def is_output_at(self, number: int, level: int) -> bool:
        """Return whether a line that nobody holds is an output at that level; where nobody can tell, it is not."""
        assert self.handle is not None  # noqa: S101 - a factory that is open
        try:
            return kernel_lines.is_output_at(self.handle, self.chip, number, level)
        except (OSError, lgpio.error):
            return False

    def is_held(self, number: int) -> bool:
        """Return whether somebody holds a line: another program, or the kernel."""
        return bool(lgpio.gpio_get_mode(self.handle, number) & LevelPin.GPIO_IS_KERNEL)

    @property
    def handle(self) -> int | None:
        """Lgpio's handle of the open chip."""
        handle: int | None = self._handle
        return handle

    def _get_revision(self) -> int:
        named = os.environ.get("LOQUET_BOARD_REVISION")
        return int(named, 16) if named else int(super()._get_revision())
