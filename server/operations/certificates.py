"""Whether the certificate that browsers and controllers see ends soon, and saying so in time."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from common.texts import NP_, _, sentence
from server.core import clock, tls
from server.core.configuration import Certificate, Configuration
from server.inbox.notices import notify

SOON: Final = timedelta(days=14)  # what renews them by itself has done so long before
LEFT: Final = NP_(
    "it ends in {count} day and was not renewed; look at what renews it (certbot renew)",
    "it ends in {count} days and was not renewed; look at what renews it (certbot renew)",
)


def ends(configuration: Configuration) -> datetime | None:
    """Return when the certificate ends; None where the server has none, or it cannot be read."""
    files = {
        Certificate.OWN: configuration.data_dir / tls.FILE,
        Certificate.FILES: Path(configuration.server.certificate_file),
    }
    path = files.get(configuration.server.certificate)
    try:
        return None if path is None else tls.ends(path)
    except (OSError, ValueError):
        return None


def trouble(configuration: Configuration) -> str:
    """Say what is wrong with the certificate, "" where it is good for long enough."""
    found = ends(configuration)
    if found is None:
        return "" if configuration.server.certificate is Certificate.PROXY else _("it cannot be read")
    left = found - clock.now()
    if left < timedelta(0):
        return _("it has ended: browsers and controllers no longer believe it; renew it")
    return sentence(LEFT, count=left.days) if left < SOON else ""


def look(configuration: Configuration) -> None:
    """Put into the inbox, once a day, that it ends soon."""
    if trouble(configuration):
        found = ends(configuration)
        about = {"why": "?" if found is None else found.date().isoformat()}
        notify("certificate", None, once=f"certificate/{clock.today()}", **about)
