"""Django's word for this app."""

from django.apps import AppConfig


class Whitelist(AppConfig):
    """Who may use which machine."""

    name = "server.whitelist"

    def ready(self) -> None:
        """Join what other apps have room for; Django's models are there by now."""
        from server.core import panels  # noqa: PLC0415
        from server.core.panels import Panel  # noqa: PLC0415
        from server.edits import rows  # noqa: PLC0415
        from server.edits.signals import rows_changed  # noqa: PLC0415
        from server.whitelist import requirements  # noqa: PLC0415
        from server.whitelist.panels import not_arrived, of_member  # noqa: PLC0415
        from server.whitelist.rows import KINDS  # noqa: PLC0415

        rows.register(*KINDS)
        rows_changed.connect(requirements.look)
        panels.register("member_head", Panel("whitelist/not_arrived.html", not_arrived))
        panels.register("member", Panel("whitelist/of_member.html", of_member))
        panels.register("me", Panel("whitelist/mine.html", of_member))
