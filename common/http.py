"""A session of `requests` that is sent on by nobody, and reads nothing of an answer that would send it on.

`requests` reads such an answer to its end even where redirects are not followed: one without an end would fill the
memory of whoever asked.
"""

from __future__ import annotations

import requests


class Session(requests.Session):
    """Asks the address that it is given, and no other."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002 - requests' own signature
        """Return that there is none."""
        return None
