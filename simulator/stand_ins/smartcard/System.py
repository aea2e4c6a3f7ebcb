"""Readers, as `smartcard.System` gives them."""

import json
import os
import socket

from smartcard.Exceptions import CardConnectionException, NoCardException


def _ask(**what):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as link:
        link.connect(os.environ["LOQUET_BOARD"])
        link.send(json.dumps({"do": "pcsc", **what}).encode())
        return json.loads(link.recv(65536))["is"]


class _Connection:
    def __init__(self, reader):
        self._reader = reader
        self._card = None

    def connect(self):
        found = _ask(reader=self._reader.name)
        if found is None:
            raise CardConnectionException("Unable to connect: reader unavailable")
        if not found:
            raise NoCardException("no card in the reader")
        self._card = found

    def transmit(self, sent):
        if self._card is None or _ask(reader=self._reader.name) != self._card:
            self._card = None
            raise CardConnectionException("Failed to transmit: card was removed")
        if list(sent) != [0xFF, 0xCA, 0, 0, 0]:
            return [], 0x6A, 0x81
        return list(bytes.fromhex(self._card["uid"])), 0x90, 0x00

    def getATR(self):
        return list(bytes.fromhex(self._card["atr"]))

    def disconnect(self):
        self._card = None


class _Reader:
    def __init__(self, name):
        self.name = name

    def __str__(self):
        return self.name

    def createConnection(self):
        return _Connection(self)


def readers():
    return [_Reader(name) for name in _ask()]
