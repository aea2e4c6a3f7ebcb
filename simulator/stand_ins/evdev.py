"""Stands in for `evdev` where it is not compiled: the same calls, over input_event structs from any path.

A path in the simulator is a pseudo-terminal, which knows nothing of grabbing: that call does nothing here.
"""

import errno
import os
import struct

_EVENT = struct.Struct("llHHi")


class InputEvent:
    def __init__(self, sec, usec, type, code, value):
        self.sec, self.usec, self.type, self.code, self.value = sec, usec, type, code, value

    def timestamp(self):
        return self.sec + self.usec / 1_000_000.0


class InputDevice:
    def __init__(self, dev):
        self.path = dev
        self.fd = os.open(dev, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        self.name = "Simulated USB Reader"
        self._waiting = b""

    def grab(self):
        pass

    def ungrab(self):
        pass

    def read_one(self):
        if len(self._waiting) < _EVENT.size:
            try:
                read = os.read(self.fd, 64 * _EVENT.size)
            except BlockingIOError:
                return None
            except OSError as error:
                raise OSError(errno.ENODEV, os.strerror(errno.ENODEV)) from error
            if not read:
                raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
            self._waiting += read
        if len(self._waiting) < _EVENT.size:
            return None
        event, self._waiting = self._waiting[: _EVENT.size], self._waiting[_EVENT.size :]
        return InputEvent(*_EVENT.unpack(event))

    def close(self):
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
