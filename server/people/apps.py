"""Django's word for this app."""

from django.apps import AppConfig


class People(AppConfig):
    """Members and their badges."""

    name = "server.people"

    def ready(self) -> None:
        """Join what other apps have room for; Django's models are there by now."""
        from server.edits import rows  # noqa: PLC0415
        from server.edits.signals import held_asked, rows_changed, taken_back  # noqa: PLC0415
        from server.mail import post  # noqa: PLC0415
        from server.people import particulars  # noqa: PLC0415
        from server.people.merging import aliases, separate  # noqa: PLC0415
        from server.people.rows import KINDS  # noqa: PLC0415
        from server.people.signals import member_forgotten  # noqa: PLC0415

        rows.register(*KINDS)
        rows_changed.connect(particulars.gone)
        held_asked.connect(aliases.is_held)
        taken_back["merged"] = separate.take_back
        member_forgotten.connect(post.forget)
