"""Readers on a serial line, from their data sheets alone: PN532, RDM6300, ID-12LA, and cards for them."""

from __future__ import annotations

import time

from independent_serial import Device, Line


class Card:
    """An ISO 14443-3A card; `atqa` in the order the PN532 reports it (00 04 for a classic 1K)."""

    def __init__(
        self, uid: bytes | str, *, sak: int | None = None, atqa: bytes | None = None, ats: bytes | None = None
    ) -> None:
        self.uid = bytes.fromhex(uid) if isinstance(uid, str) else bytes(uid)
        if len(self.uid) not in (4, 7, 10):
            raise ValueError("a UID has 4, 7 or 10 bytes")
        if ats is not None and len(ats) > 254:
            raise ValueError("an ATS has at most 254 bytes after its length")
        default = {4: 0x08, 7: 0x00, 10: 0x00}[len(self.uid)]
        self.sak = sak if sak is not None else (0x20 if ats is not None else default)
        self.atqa = bytes(atqa) if atqa is not None else {4: b"\0\x04", 7: b"\0\x44", 10: b"\0\x84"}[len(self.uid)]
        self.ats = bytes(ats) if ats is not None else None
        self.state = "IDLE"


_ACK = bytes.fromhex("0000ff00ff00")
_SYNTAX_ERROR = bytes.fromhex("0000ff01ff7f8100")
_RF_ITEMS = {0x01: 1, 0x05: 3}


class PN532(Device):
    """The NXP chip (firmware 1.6) on its high-speed UART; see above.

    Asleep it hears nothing but 55h, and loses the `wake_swallow` bytes after the first one.  In low-VBat mode
    (after power-up) it answers the commands in `low_vbat_answers` only, until SAMConfiguration.
    ISO 14443-3: with `active_state`, a card that was listed does not answer the next REQA but falls back to IDLE by
    it; a released or deselected card is in HALT and answers no REQA until it leaves the field or the field goes off
    (`wupa=True`: it answers nevertheless).
    """

    def __init__(
        self,
        line: Line,
        *,
        asleep: bool = True,
        low_vbat: bool = True,
        wake_swallow: int = 4,
        active_state: bool = True,
        wupa: bool = False,
        try_time: float = 0.0,
    ) -> None:
        super().__init__(line)
        self.starts_asleep = asleep
        self.starts_low_vbat = low_vbat
        self.low_vbat_answers = {0x02, 0x14}
        self.wake_swallow = wake_swallow
        self.active_state = active_state
        self.wupa = wupa
        self.try_time = try_time
        self.frame_timeout = 0.3
        self.lose_ack = 0
        self.lose_response = 0
        self.cards: list[Card] = []
        self.received: list[bytes] = []
        self.acks = 0
        self.nacks = 0
        self.bad_frames = 0
        self.resets = 0
        self._start()
        line.attach(self)

    # -- what a test does

    @property
    def commands(self) -> list[int]:
        """The command codes received so far."""
        return [p[0] for p in self.received if p]

    def place(self, card: Card) -> Card:
        """Bring a card into the field."""
        with self.lock:
            if card not in self.cards:
                if len(self.cards) >= 3:
                    raise ValueError("at most three cards fit")
                card.state = "IDLE"
                self.cards.append(card)
                self._poll_pending()
        return card

    def remove(self, card: Card | None = None) -> None:
        """Take a card (or all) out of the field."""
        with self.lock:
            for gone in list(self.cards) if card is None else [card]:
                if gone in self.cards:
                    self.cards.remove(gone)
                    gone.state = "IDLE"

    def power_cycle(self) -> None:
        """Supply off and on (the port stays)."""
        with self.lock:
            self._power_off()
            self._power_on()

    # -- power

    def _start(self) -> None:
        self.awake = not self.starts_asleep
        self.low_vbat = self.starts_low_vbat
        self.max_retries = (0xFF, 0x01, 0xFF)
        self.parameters = 0x14  # automatic ATR_RES and automatic RATS
        self.rf_on = False
        self.sam_mode = 1
        self.targets: dict[int, Card] = {}
        self.pending: int | None = None
        self._buffer = bytearray()
        self._buffer_time = 0.0
        self._swallow = 0
        self._swallow_end = 0.0
        self._last_response = b""

    def _power_on(self) -> None:
        super()._power_on()
        self._start()
        self.resets += 1

    def _power_off(self) -> None:
        super()._power_off()
        self._start()
        self.awake = False
        self._field(False)

    def _field(self, on: bool) -> None:
        self.rf_on = on
        if not on:
            self.targets.clear()
            for card in self.cards:
                card.state = "IDLE"

    # -- frames

    def feed(self, data: bytes) -> None:
        now = time.monotonic()
        if not self.awake:
            at = data.find(b"\x55")
            if at < 0:
                return
            self.awake = True
            self._swallow = self.wake_swallow
            self._swallow_end = now + 0.002  # what comes after the oscillator's start-up is heard
            data = data[at + 1 :]
        if self._swallow:
            lost = min(self._swallow, len(data)) if now < self._swallow_end else self._swallow
            self._swallow -= lost
            data = data[lost:] if now < self._swallow_end else data
        if not data:
            return
        if self._buffer and now - self._buffer_time > self.frame_timeout:
            self._buffer.clear()
        self._buffer_time = now
        self._buffer += data
        while self._parse():
            pass

    def _parse(self) -> bool:  # noqa: C901, PLR0911 - one answer for each shape of a frame
        """Take one frame off the buffer; False when there is none (yet)."""
        buffer = self._buffer
        at = buffer.find(b"\x00\xff")
        if at < 0:
            del buffer[: max(0, len(buffer) - 1)]
            return False
        del buffer[:at]
        if len(buffer) < 4:
            return False
        length, check = buffer[2], buffer[3]
        if (length, check) == (0x00, 0xFF):
            del buffer[:4]
            self.acks += 1
            self.pending = None
            return True
        if (length, check) == (0xFF, 0x00):
            del buffer[:4]
            self.nacks += 1
            if self._last_response:
                self._send(self._last_response)
            return True
        start = 4
        if (length, check) == (0xFF, 0xFF):
            if len(buffer) < 7:
                return False
            length, check, start = buffer[4] * 256 + buffer[5], buffer[4] + buffer[5] + buffer[6], 7
        else:
            check += length
        if check & 0xFF or length == 0 or length > 265:
            del buffer[:2]
            self.bad_frames += 1
            return True
        if len(buffer) < start + length + 1:
            return False
        body = bytes(buffer[start : start + length])
        total = sum(buffer[start : start + length + 1]) & 0xFF
        if total:
            del buffer[:2]
            self.bad_frames += 1
            return True
        del buffer[: start + length + 1]
        if body[0] != 0xD4 or len(body) < 2:
            self.bad_frames += 1
            self._answer_raw(_SYNTAX_ERROR)
            return True
        self._command(body[1:])
        return True

    def _acknowledge(self) -> None:
        if self.lose_ack > 0:
            self.lose_ack -= 1
        else:
            self._send(_ACK)

    def _answer_raw(self, frame: bytes, delay: float = 0.0) -> None:
        self._last_response = frame
        if self.lose_response > 0:
            self.lose_response -= 1
        else:
            self._send(frame, delay)

    def _answer(self, payload: bytes, delay: float = 0.0) -> None:
        data = b"\xd5" + payload
        if len(data) <= 255:
            head = bytes([len(data), -len(data) & 0xFF])
        else:
            high, low = divmod(len(data), 256)
            head = bytes([0xFF, 0xFF, high, low, -(high + low) & 0xFF])
        self._answer_raw(b"\0\0\xff" + head + data + bytes([-sum(data) & 0xFF, 0]), delay)

    # -- commands

    def _command(self, payload: bytes) -> None:
        """One good command frame (without D4); logged when it has had its effect, before the host gets the answer."""
        try:
            self._obey(payload)
        finally:
            self.received.append(payload)

    def _obey(self, payload: bytes) -> None:
        self.pending = None  # a new command aborts the one under way
        code, data = payload[0], payload[1:]
        if self.low_vbat and code not in self.low_vbat_answers:
            return
        self._acknowledge()
        handler = {
            0x02: self._firmware,
            0x12: self._set_parameters,
            0x14: self._sam_configuration,
            0x32: self._rf_configuration,
            0x44: self._in_deselect,
            0x4A: self._in_list,
            0x52: self._in_release,
        }.get(code)
        result = handler(data) if handler else _SYNTAX_ERROR
        if result is _SYNTAX_ERROR:
            self._answer_raw(_SYNTAX_ERROR)
        elif result is not None:
            self._answer(bytes([code + 1]) + result)

    def _firmware(self, data: bytes) -> bytes:
        return _SYNTAX_ERROR if data else b"\x32\x01\x06\x07"

    def _set_parameters(self, data: bytes) -> bytes:
        if len(data) != 1:
            return _SYNTAX_ERROR
        self.parameters = data[0]
        return b""

    def _sam_configuration(self, data: bytes) -> bytes:
        if not 1 <= len(data) <= 3 or data[0] not in (1, 2, 3, 4):
            return _SYNTAX_ERROR
        self.sam_mode = data[0]
        self.low_vbat = False
        return b""

    def _rf_configuration(self, data: bytes) -> bytes:
        if not data or data[0] not in _RF_ITEMS or len(data) - 1 != _RF_ITEMS[data[0]]:
            return _SYNTAX_ERROR
        if data[0] == 0x01:
            self._field(bool(data[1] & 1))
        elif data[0] == 0x05:
            self.max_retries = (data[1], data[2], data[3])
        return b""

    def _halt(self, data: bytes) -> bytes | list[int]:
        """The target numbers meant by an InRelease or InDeselect, now halted; or a status."""
        if len(data) != 1 or data[0] > 2:
            return _SYNTAX_ERROR
        if data[0] and data[0] not in self.targets:
            return b"\x27"
        numbers = [data[0]] if data[0] else list(self.targets)
        for number in numbers:
            card = self.targets[number]
            if card in self.cards and card.state == "ACTIVE":
                card.state = "HALT"
        return numbers

    def _in_deselect(self, data: bytes) -> bytes:
        numbers = self._halt(data)
        return numbers if isinstance(numbers, bytes) else b"\0"

    def _in_release(self, data: bytes) -> bytes:
        numbers = self._halt(data)
        if isinstance(numbers, bytes):
            return numbers
        for number in numbers:
            del self.targets[number]
        return b"\0"

    def _in_list(self, data: bytes) -> bytes | None:
        if len(data) < 2 or data[0] not in (1, 2) or data[1] > 4:
            return _SYNTAX_ERROR
        self.rf_on = True
        self.targets.clear()
        # only 106 kbit/s type A cards exist here: any other modulation finds nothing
        self.pending = data[0] if data[1] == 0 else 0
        self._poll_pending()
        return None

    def _reqa(self) -> Card | None:
        """One REQA and what follows; the card that is active now."""
        found = None
        for card in self.cards:
            answers = card.state == "IDLE" or (card.state == "HALT" and self.wupa)
            if card in self.targets.values():
                continue
            if card.state == "ACTIVE":
                answers = not self.active_state
                card.state = "IDLE"
            if found is None and answers:
                found = card
        if found is not None:
            found.state = "ACTIVE"
        return found

    def _poll_pending(self) -> None:
        """Look for cards as the InListPassiveTarget under way wants it; answer when it is over."""
        if self.pending is None or not self.powered:
            return
        wanted = self.pending
        endless = self.max_retries[2] == 0xFF
        tries = 2 if endless else self.max_retries[2] + 1
        used = 0
        entries: list[bytes] = []
        for number in range(1, wanted + 1):
            for _ in range(tries):
                used += 1
                card = self._reqa()
                if card is not None:
                    break
            else:
                break
            self.targets[number] = card
            entries.append(self._entry(number, card))
        if not entries and endless:
            return
        if wanted == 0:
            used = tries
        self.pending = None
        if len(entries) == 2 and 3 + sum(map(len, entries)) > 265:  # the second does not fit into a response
            del self.targets[2]
            entries.pop()
        self._answer(b"\x4b" + bytes([len(entries)]) + b"".join(entries), used * self.try_time)

    def _entry(self, number: int, card: Card) -> bytes:
        """Tg, SENS_RES, SEL_RES, NFCID length, NFCID, ATS."""
        entry = bytes([number]) + card.atqa + bytes([card.sak, len(card.uid)]) + card.uid
        if card.ats is not None and card.sak & 0x20 and self.parameters & 0x10:
            entry += bytes([len(card.ats) + 1]) + card.ats
        return entry


class _TagReader(Device):
    """What the two 125 kHz readers share."""

    def __init__(self, line: Line) -> None:
        super().__init__(line)
        self.lower_case = False
        self.tag: bytes | None = None
        self.frames_sent = 0
        self.received = bytearray()
        self._next: float | None = None
        line.attach(self)

    def present(self, tag: int | bytes | str) -> None:
        """Hold a tag (40 bits) to the reader."""
        if isinstance(tag, int):
            number = tag.to_bytes(5, "big")
        else:
            number = bytes.fromhex(tag) if isinstance(tag, str) else bytes(tag)
        if len(number) != 5:
            raise ValueError("a tag has five bytes")
        with self.lock:
            self.tag = number
            self._next = time.monotonic() if self.powered else None
        self.line._wake()

    def remove(self) -> None:
        """Take the tag away."""
        with self.lock:
            self.tag = None
            self._next = None

    def feed(self, data: bytes) -> None:
        self.received += data

    def _digits(self) -> bytes:
        """Ten hex digits of the tag and two of the checksum."""
        assert self.tag is not None
        check = 0
        for byte in self.tag:
            check ^= byte
        text = (self.tag + bytes([check])).hex()
        return (text if self.lower_case else text.upper()).encode()

    def _frame(self) -> bytes:
        raise NotImplementedError

    _period: float | None = None

    def _due(self) -> float | None:
        return self._next

    def _tick(self, now: float) -> None:
        if self._next is None or now < self._next or self.tag is None:
            return
        self._next = None if self._period is None else max(self._next + self._period, now)
        self.frames_sent += 1
        self._send(self._frame())

    def _power_on(self) -> None:
        super()._power_on()
        self._next = time.monotonic() if self.tag is not None else None

    def _power_off(self) -> None:
        super()._power_off()
        self._next = None


class RDM6300(_TagReader):
    """9600 baud, 14 bytes, over and over again while the tag is there."""

    def __init__(self, line: Line, *, period: float = 0.065, lower_case: bool = False) -> None:
        self._period = period
        super().__init__(line)
        self.lower_case = lower_case

    def _frame(self) -> bytes:
        return b"\x02" + self._digits() + b"\x03"


class ID12LA(_TagReader):
    """9600 baud, 16 bytes, once for each presentation."""

    def _frame(self) -> bytes:
        return b"\x02" + self._digits() + b"\r\n\x03"
