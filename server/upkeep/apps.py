"""Django's word for this app."""

from django.apps import AppConfig


class Upkeep(AppConfig):
    """What happens to machines."""

    name = "server.upkeep"

    def ready(self) -> None:
        """Join what other apps have room for; Django's models are there by now."""
        from server.people.signals import member_forgotten  # noqa: PLC0415
        from server.upkeep.records import forget  # noqa: PLC0415

        member_forgotten.connect(forget)
