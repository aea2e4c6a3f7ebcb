"""The one context that a process has with the service: of no use any more once that was started anew.

As pyscard 2.0.5 over libpcsclite 1.9.9 does it: it is made once, and stays until somebody renews it.
"""

from smartcard.board import ask
from smartcard.Exceptions import EstablishContextException


class PCSCContext:
    instance = None

    def __init__(self):
        if PCSCContext.instance is None:
            PCSCContext.renewContext()

    @staticmethod
    def renewContext():
        run = ask(run=True)
        if not run:
            raise EstablishContextException("Failed to establish context: Service not available. (0x8010001D)")
        PCSCContext.instance = run
        return run

    def getContext(self):
        return PCSCContext.instance
