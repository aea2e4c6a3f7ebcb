"""Django's word for this app."""

from django.apps import AppConfig


class Whitelist(AppConfig):
    """Who may use which machine."""

    name = "server.whitelist"

    def ready(self) -> None:
        """Join what other apps have room for; Django's models are there by now."""
        from server.core import sections  # noqa: PLC0415
        from server.core.sections import Section  # noqa: PLC0415
        from server.edits import rows  # noqa: PLC0415
        from server.edits.signals import rows_changed, taken_back  # noqa: PLC0415
        from server.people.signals import particulars_changed  # noqa: PLC0415
        from server.whitelist import conditions, requirements  # noqa: PLC0415
        from server.whitelist.rows import KINDS  # noqa: PLC0415
        from server.whitelist.sameness import machines  # noqa: PLC0415
        from server.whitelist.sections import not_arrived, of_member  # noqa: PLC0415

        rows.register(*KINDS)
        rows_changed.connect(requirements.look)
        taken_back["machine_same"] = machines.take_back
        particulars_changed.connect(conditions.look)
        sections.register("member_head", Section("whitelist/not_arrived.html", not_arrived))
        sections.register("member", Section("whitelist/of_member.html", of_member))
