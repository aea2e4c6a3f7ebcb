"""Django's word for this app."""

from django.apps import AppConfig


class Operations(AppConfig):
    """What whoever keeps the server needs: setup, accounts, backups, retention."""

    name = "server.operations"

    def ready(self) -> None:
        """Join what other apps have room for; Django's models are there by now."""
        from server.core import sections  # noqa: PLC0415
        from server.core.sections import Section  # noqa: PLC0415
        from server.operations.sections import of_member  # noqa: PLC0415
        from server.operations.steps import on_today  # noqa: PLC0415

        sections.register("today", Section("operations/steps.html", on_today))
        sections.register("member_side", Section("operations/of_member.html", of_member))
