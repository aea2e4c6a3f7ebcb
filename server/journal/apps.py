"""Django's word for this app."""

from django.apps import AppConfig


class Journal(AppConfig):
    """What controllers send, and how it is processed."""

    name = "server.journal"

    def ready(self) -> None:
        """Join what other apps have room for; Django's models are there by now."""
        from server.journal import handlers  # noqa: PLC0415

        handlers.register_all()
