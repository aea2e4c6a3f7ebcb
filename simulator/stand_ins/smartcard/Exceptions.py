"""The exceptions that the driver meets, with the real ones' family."""


class SmartcardException(Exception):
    pass


class CardConnectionException(SmartcardException):
    pass


class NoCardException(SmartcardException):
    pass


class ListReadersException(SmartcardException):
    pass


class EstablishContextException(SmartcardException):
    pass
