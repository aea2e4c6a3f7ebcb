"""Django's word for this app."""

from django.apps import AppConfig


class Machines(AppConfig):
    """What machines do now, and what keeps them going."""

    name = "server.machines"

    def ready(self) -> None:
        """Join what other apps have room for; Django's models are there by now."""
        from server.machines import tasks, telling  # noqa: PLC0415
        from server.upkeep.signals import defect_reported  # noqa: PLC0415

        tasks.register_all()
        defect_reported.connect(telling.tell)
