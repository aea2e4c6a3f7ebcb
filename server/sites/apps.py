"""Django's word for this app."""

from django.apps import AppConfig


class Sites(AppConfig):
    """Workshops, and who runs them."""

    name = "server.sites"

    def ready(self) -> None:
        """Join what other apps have room for; Django's models are there by now."""
        from server.edits import rows  # noqa: PLC0415
        from server.sites.rows import KINDS  # noqa: PLC0415

        rows.register(*KINDS)
