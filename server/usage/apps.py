"""Django's word for this app."""

from django.apps import AppConfig


class Usage(AppConfig):
    """Sessions and their minutes."""

    name = "server.usage"

    def ready(self) -> None:
        """Join what other apps have room for; Django's models are there by now."""
        from server.core import panels  # noqa: PLC0415
        from server.core.panels import Panel  # noqa: PLC0415
        from server.people.signals import id_asked, member_forgotten  # noqa: PLC0415
        from server.usage import sessions  # noqa: PLC0415
        from server.usage.panels import of_member  # noqa: PLC0415

        sessions.register_all()
        panels.register("member", Panel("usage/of_member.html", of_member))
        panels.register("me", Panel("usage/mine.html", of_member))
        id_asked.connect(sessions.is_known)
        member_forgotten.connect(sessions.forget)
