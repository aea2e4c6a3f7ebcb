"""Django's word for this app."""

from django.apps import AppConfig


class Reminders(AppConfig):
    """Letters before a membership or a certification ends."""

    name = "server.reminders"

    def ready(self) -> None:
        """Join what other apps have room for; Django's models are there by now."""
        from server.core import sections  # noqa: PLC0415
        from server.core.sections import Section  # noqa: PLC0415
        from server.people.signals import member_forgotten  # noqa: PLC0415
        from server.reminders import records  # noqa: PLC0415
        from server.reminders.sections import of_site  # noqa: PLC0415

        sections.register("site", Section("reminders/of_site.html", of_site))
        member_forgotten.connect(records.forget)
