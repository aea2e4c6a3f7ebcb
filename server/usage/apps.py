"""Django's word for this app."""

from django.apps import AppConfig


class Usage(AppConfig):
    """Sessions and their minutes."""

    name = "server.usage"

    def ready(self) -> None:
        """Join what other apps have room for; Django's models are there by now."""
        from server.core import sections  # noqa: PLC0415
        from server.core.sections import Section  # noqa: PLC0415
        from server.people.signals import (  # noqa: PLC0415
            forgotten_asked,
            ids_asked,
            member_forgotten,
            members_moved,
            usage_asked,
        )
        from server.usage import nearing, refusals, sessions  # noqa: PLC0415
        from server.usage.sections import months_of_member, of_member  # noqa: PLC0415

        sessions.register_all()
        nearing.register_all()
        refusals.register_all()
        sections.register("member", Section("usage/of_member.html", of_member))
        sections.register("member_side", Section("usage/months.html", months_of_member))
        ids_asked.connect(sessions.are_known)
        forgotten_asked.connect(sessions.were_forgotten)
        member_forgotten.connect(sessions.forget)
        member_forgotten.connect(refusals.forget)
        members_moved.connect(sessions.follow)
        usage_asked.connect(sessions.used)
