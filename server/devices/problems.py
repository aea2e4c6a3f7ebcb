"""What went wrong, as RFC 9457 has it: type, title, status, detail."""

from __future__ import annotations

from typing import Final

from protocol.messages import Problem

MEDIA: Final = "application/problem+json"
TITLES: Final = {
    "malformed": (400, "The message is not as the protocol has it"),
    "unsigned": (401, "The request is not signed by an enrolled controller"),
    "stale": (401, "The challenge is over; sign again with the one in this answer"),
    "refused": (403, "The controller is not taken in"),
    "unknown": (404, "There is nothing here"),
    "method": (405, "This is not done here"),
    "slow": (408, "The message did not come in time"),
    "order": (409, "The batch does not follow what is there"),
    "conflict": (409, "A number holds another entry already; go on in a new epoch"),
    "large": (413, "The message is too large"),
    "media": (415, "The message has another media type"),
    "broken": (500, "The server has failed; nothing was taken"),
    "busy": (503, "The server has too much to do; try again later"),
}


class ProblemError(Exception):
    """Ends a request with a problem."""

    def __init__(self, kind: str, detail: str = "", expected: int | None = None) -> None:
        super().__init__(kind, detail)
        self.kind = kind
        self.detail = detail
        self.expected = expected

    @property
    def status(self) -> int:
        """The status of the answer."""
        return TITLES[self.kind][0]

    def problem(self) -> Problem:
        """Return it as it is sent."""
        status, title = TITLES[self.kind]
        return Problem(f"urn:loquet:{self.kind}", title, status, self.detail[:1_000], self.expected)
