"""Relays and meters on a serial line, from their data sheets alone: LCUS, Modbus RTU, PZEM-004T."""

from __future__ import annotations

import struct
import time

from independent_serial import Device, Line, Quantity, value


class LCUS(Device):
    """A CH340 relay board (9600 baud): A0, channel, operation, sum of the three.

    Operations: 00 off, 01 on; with `feedback` also 02 off, 03 on, 04 toggle, 05 query, each answered by
    A0, channel, state, sum.  FF alone asks for the status as text (`status_query`, default: more than one channel).
    """

    def __init__(
        self,
        line: Line,
        channels: int = 1,
        *,
        feedback: bool = False,
        status_query: bool | None = None,
        status_format: str = "CH{n}: {state}\r\n",
    ) -> None:
        super().__init__(line)
        self.channels = channels
        self.feedback = feedback
        self.status_query = channels > 1 if status_query is None else status_query
        self.status_format = status_format
        self.stuck = False
        self.stuck_reports = "actual"
        self.closed = dict.fromkeys(range(1, channels + 1), False)
        self.commanded = dict(self.closed)
        self.switch_log: list[tuple[float, int, bool]] = []
        self.received: list[bytes] = []
        self.bad_frames = 0
        self._buffer = bytearray()
        self._buffer_time = 0.0
        line.attach(self)

    def _power_off(self) -> None:
        super()._power_off()
        self._buffer.clear()
        for n in self.closed:
            self.commanded[n] = False
            if self.closed[n]:
                self.closed[n] = False
                self.switch_log.append((time.monotonic(), n, False))

    def feed(self, data: bytes) -> None:
        now = time.monotonic()
        if now - self._buffer_time > 0.3:
            self._buffer.clear()
        self._buffer_time = now
        self._buffer += data
        while self._buffer:
            if self._buffer[0] == 0xFF:
                del self._buffer[0]
                if self.status_query:
                    self._send(self._status())
                self.received.append(b"\xff")
            elif self._buffer[0] != 0xA0:
                del self._buffer[0]
            elif len(self._buffer) < 4:
                return
            elif sum(self._buffer[:3]) & 0xFF != self._buffer[3]:
                self.bad_frames += 1
                del self._buffer[0]
            else:
                frame = bytes(self._buffer[:4])
                del self._buffer[:4]
                self._operate(frame[1], frame[2])
                self.received.append(frame)

    def _operate(self, channel: int, operation: int) -> None:
        if channel not in self.closed or operation > (5 if self.feedback else 1):
            return
        if operation in (0, 2):
            self._switch(channel, False)
        elif operation in (1, 3):
            self._switch(channel, True)
        elif operation == 4:
            self._switch(channel, not self._reported(channel))
        if operation >= 2:
            state = int(self._reported(channel))
            self._send(bytes([0xA0, channel, state, (0xA0 + channel + state) & 0xFF]))

    def _switch(self, channel: int, on: bool) -> None:
        self.commanded[channel] = on
        if not self.stuck and self.closed[channel] != on:
            self.closed[channel] = on
            self.switch_log.append((time.monotonic(), channel, on))

    def _reported(self, channel: int) -> bool:
        return (self.commanded if self.stuck_reports == "commanded" else self.closed)[channel]

    def _status(self) -> bytes:
        lines = (self.status_format.format(n=n, state="ON" if self._reported(n) else "OFF") for n in self.closed)
        return "".join(lines).encode("ascii")


def crc16(data: bytes) -> bytes:
    """The Modbus CRC, low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc.to_bytes(2, "little")


class _RefusalError(Exception):
    """A Modbus exception answer."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class _ModbusUnit(Device):
    """An RTU server: good frames for its address are answered, everything else is not."""

    frame_gap = 0.02

    def __init__(self, line: Line, unit: int) -> None:
        super().__init__(line)
        self.unit = unit
        self.fail_next: int | None = None
        self.received: list[bytes] = []
        self.bad_frames = 0
        self._buffer = bytearray()
        self._buffer_time = 0.0
        line.attach(self)

    def feed(self, data: bytes) -> None:
        self._buffer += data
        self._buffer_time = time.monotonic()
        while True:
            length = self._length()
            if (
                length is None
                or len(self._buffer) < length
                or crc16(self._buffer[: length - 2]) != bytes(self._buffer[length - 2 : length])
            ):
                return  # the pause after the frame will tell
            frame = bytes(self._buffer[:length])
            del self._buffer[:length]
            self._frame(frame)

    def _length(self) -> int | None:
        """How long the request at the start of the buffer is, when its function tells."""
        if len(self._buffer) < 2:
            return None
        function = self._buffer[1]
        return 8 if 1 <= function <= 6 else None

    def _due(self) -> float | None:
        return self._buffer_time + self.frame_gap if self._buffer else None

    def _tick(self, now: float) -> None:
        if self._buffer and now >= self._buffer_time + self.frame_gap:
            frame = bytes(self._buffer)
            self._buffer.clear()
            if len(frame) >= 4 and crc16(frame[:-2]) == frame[-2:]:
                self._frame(frame)
            else:
                self.bad_frames += 1

    def _power_off(self) -> None:  # supplied by its own source, not by the line
        self._buffer.clear()

    def _mine(self, address: int) -> bool:
        return address == self.unit

    def _frame(self, frame: bytes) -> None:
        address, function = frame[0], frame[1]
        broadcast = address == 0
        if not broadcast and not self._mine(address):
            return
        try:
            if self.fail_next is not None:
                code, self.fail_next = self.fail_next, None
                raise _RefusalError(code)  # noqa: TRY301 - as the unit itself would
            answer = bytes([function]) + self._execute(function, frame[2:-2])
        except _RefusalError as error:
            answer = bytes([function | 0x80, error.code])
        self.received.append(frame)
        if not broadcast and self._alive():
            reply = bytes([address]) + answer
            self._send(reply + crc16(reply))

    def _alive(self) -> bool:
        return True

    def _execute(self, _function: int, _data: bytes) -> bytes:
        raise _RefusalError(1)


class ModbusRelay(_ModbusUnit):
    """Relay board with coils from address 0; see above."""

    def __init__(self, line: Line, unit: int = 1, coils: int = 4) -> None:
        self.coils = coils
        self.stuck = False
        self.lies = False
        self.closed = dict.fromkeys(range(coils), False)
        self.coil = dict(self.closed)
        self.switch_log: list[tuple[float, int, bool]] = []
        super().__init__(line, unit)

    def power_cycle(self) -> None:
        """Its own supply off and on: all coils off."""
        with self.lock:
            for n in self.coil:
                self._set(n, False)

    def _set(self, n: int, on: bool) -> None:
        if self.lies:
            return
        self.coil[n] = on
        if not self.stuck and self.closed[n] != on:
            self.closed[n] = on
            self.switch_log.append((time.monotonic(), n, on))

    def _execute(self, function: int, data: bytes) -> bytes:
        if function == 0x01:
            if len(data) != 4:
                raise _RefusalError(3)
            start, count = struct.unpack(">HH", data)
            self._check(start, count, 2000)
            packed = bytearray((count + 7) // 8)
            for i in range(count):
                packed[i // 8] |= self.coil[start + i] << (i % 8)
            return bytes([len(packed)]) + bytes(packed)
        if function == 0x05:
            if len(data) != 4:
                raise _RefusalError(3)
            start, value = struct.unpack(">HH", data)
            if value not in (0x0000, 0xFF00):
                raise _RefusalError(3)
            self._check(start, 1, 1)
            self._set(start, value == 0xFF00)
            return data
        raise _RefusalError(1)

    def _check(self, start: int, count: int, most: int) -> None:
        if not 1 <= count <= most:
            raise _RefusalError(3)
        if start + count > self.coils:
            raise _RefusalError(2)


class PZEM004T(_ModbusUnit):
    """The version 3 energy meter: input registers 0...9, energy in watt-hours; see above."""

    def __init__(
        self,
        line: Line,
        unit: int = 1,
        *,
        voltage: Quantity = 230.0,
        current: Quantity = 0.0,
        power: Quantity = 0.0,
        energy: Quantity = 0.0,
        frequency: Quantity = 50.0,
        power_factor: Quantity = 1.0,
    ) -> None:
        self.voltage = voltage
        self.current = current
        self.power = power
        self.energy = energy
        self.frequency = frequency
        self.power_factor = power_factor
        self.alarm_threshold = 23000
        self.mains = True
        super().__init__(line, unit)

    def _alive(self) -> bool:
        return self.mains

    def registers(self) -> list[int]:
        """The ten input registers as they are now."""
        milliamperes = round(value(self.current) * 1000)
        deciwatts = round(value(self.power) * 10)
        watt_hours = round(value(self.energy))
        return [
            round(value(self.voltage) * 10) & 0xFFFF,
            milliamperes & 0xFFFF,
            milliamperes >> 16 & 0xFFFF,
            deciwatts & 0xFFFF,
            deciwatts >> 16 & 0xFFFF,
            watt_hours & 0xFFFF,
            watt_hours >> 16 & 0xFFFF,
            round(value(self.frequency) * 10) & 0xFFFF,
            round(value(self.power_factor) * 100) & 0xFFFF,
            0xFFFF if deciwatts >= self.alarm_threshold * 10 else 0x0000,
        ]

    def _execute(self, function: int, data: bytes) -> bytes:
        if function != 0x04:
            raise _RefusalError(1)
        if len(data) != 4:
            raise _RefusalError(3)
        start, count = struct.unpack(">HH", data)
        if not 1 <= count <= 125:
            raise _RefusalError(3)
        table = self.registers()
        if start + count > len(table):
            raise _RefusalError(2)
        return struct.pack(f">B{count}H", 2 * count, *table[start : start + count])
