"""Readers, as `smartcard.System` gives them."""

from smartcard.board import ask
from smartcard.Exceptions import CardConnectionException, ListReadersException, NoCardException
from smartcard.pcsc.PCSCContext import PCSCContext


class _Connection:
    def __init__(self, reader):
        self._reader = reader
        self._card = None

    def connect(self):
        if PCSCContext().getContext() != ask(run=True):
            raise CardConnectionException("Unable to connect: Service not available. (0x8010001D)")
        found = ask(reader=self._reader.name)
        if found is None:
            raise CardConnectionException("Unable to connect: reader unavailable")
        if not found:
            raise NoCardException("no card in the reader")
        self._card = found

    def transmit(self, sent):
        if self._card is None or ask(reader=self._reader.name) != self._card:
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
    context = PCSCContext().getContext()
    if context != ask(run=True):
        raise ListReadersException("Failed to list readers: Service not available. (0x8010001D)")
    return [_Reader(name) for name in ask()]
