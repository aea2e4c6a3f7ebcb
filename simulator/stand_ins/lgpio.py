"""Stands in for `lgpio` on a machine without GPIO: lines live on the simulated board."""

import json
import os
import socket
import threading

SET_ACTIVE_LOW, SET_OPEN_DRAIN, SET_OPEN_SOURCE = 4, 8, 16
SET_PULL_UP, SET_PULL_DOWN, SET_PULL_NONE = 32, 64, 128
RISING_EDGE, FALLING_EDGE, BOTH_EDGES = 1, 2, 3

_chips = {}
_spis = []


class error(Exception):
    def __init__(self, value):
        self.value = value

    def __str__(self):
        return repr(self.value)


class _Chip:
    def __init__(self):
        self.link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.link.connect(os.environ["LOQUET_BOARD"])
        self.lock = threading.Lock()
        self.callbacks = []
        self.watched = None
        self.watcher = None

    def close(self):
        self.link.close()
        if self.watched is not None:
            self.watched.shutdown(socket.SHUT_RDWR)
            self.watcher.join()
            self.watched.close()

    def do(self, **request):
        with self.lock:
            self.link.send(json.dumps(request).encode())
            answer = self.link.recv(65536)
        if not answer:
            raise error("the simulated board is gone")
        answer = json.loads(answer)
        if "error" in answer:
            raise error(answer["error"])
        return answer.get("is")

    def watch(self):
        link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        link.connect(os.environ["LOQUET_BOARD"])
        link.send(b'{"do": "watch"}')
        link.recv(65536)
        self.watched = link
        self.watcher = threading.Thread(target=self._watch, args=(link,), daemon=True)
        self.watcher.start()

    def _watch(self, link):
        while told := link.recv(65536):
            what = json.loads(told)
            for callback in list(self.callbacks):
                callback.notify(what)


class _Callback:
    def __init__(self, chip, gpio, edge, func):
        self.chip, self.gpio, self.edge, self.func = chip, gpio, edge, func
        chip.callbacks.append(self)

    def notify(self, what):
        edge = RISING_EDGE if what["level"] else FALLING_EDGE
        if what["line"] == self.gpio and edge & self.edge:
            self.func(0, self.gpio, what["level"], what["at"])

    def cancel(self):
        if self in self.chip.callbacks:
            self.chip.callbacks.remove(self)


def gpiochip_open(gpiochip):
    handle = len(_chips)
    _chips[handle] = _Chip()
    return handle


def gpiochip_close(handle):
    _chips.pop(handle).close()


def gpio_claim_output(handle, gpio, level=0, lFlags=0):
    _chips[handle].do(do="claim_output", number=gpio, level=int(level))
    return 0


def gpio_claim_input(handle, gpio, lFlags=0):
    _chips[handle].do(do="claim_input", number=gpio, flags=lFlags)
    return 0


def gpio_claim_alert(handle, gpio, eFlags, lFlags=0, notify_handle=None):
    return gpio_claim_input(handle, gpio, lFlags)


def gpio_set_debounce_micros(handle, gpio, debounce_micros):
    return 0


def gpio_free(handle, gpio):
    _chips[handle].do(do="free", number=gpio)
    return 0


def gpio_write(handle, gpio, level):
    chip = _chips[handle]
    with chip.lock:  # the way of a tap: a real one is a single system call
        chip.link.send(bytes((0xA6, gpio, int(level))))
        answer = chip.link.recv(256)
    if answer != b"\0":
        raise error(answer.decode() or "the simulated board is gone")
    return 0


def gpio_read(handle, gpio):
    return _chips[handle].do(do="read", number=gpio)


def gpio_get_mode(handle, gpio):
    return _chips[handle].do(do="mode", number=gpio)


def tx_pwm(handle, gpio, pwm_frequency, pwm_duty_cycle, pulse_offset=0, pulse_cycles=0):
    _chips[handle].do(do="tx_pwm", number=gpio, frequency=pwm_frequency, duty=pwm_duty_cycle)
    return 0


def spi_open(spiDev, spiChannel, baud, spiFlags=0):
    handle = _Chip()
    handle.head = bytes((0xA5, spiDev, spiChannel))
    _spis.append(handle)
    return len(_spis) - 1


def spi_close(handle):
    _spis[handle].close()
    return 0


def spi_xfer(handle, txData):
    chip = _spis[handle]
    with chip.lock:
        chip.link.send(chip.head + bytes(txData))
        answer = chip.link.recv(4096)
    if not answer:
        raise error("the simulated board is gone")
    return len(answer), bytearray(answer)


def callback(handle, gpio, edge=RISING_EDGE, func=None):
    chip = _chips[handle]
    if chip.watcher is None:
        chip.watch()
    return _Callback(chip, gpio, edge, func)
