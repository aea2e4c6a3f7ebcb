"""Django app configuration."""

from django.apps import AppConfig


class Billing(AppConfig):
    """Prices, accounts, statements."""

    name = "server.billing"

    def ready(self) -> None:
        """Join what other apps have room for; Django's models are there by now."""
        from server.billing import charges, keeping  # noqa: PLC0415
        from server.billing.rows import KINDS  # noqa: PLC0415
        from server.core import sections  # noqa: PLC0415
        from server.core.sections import Section  # noqa: PLC0415
        from server.edits import rows  # noqa: PLC0415
        from server.people.signals import member_forgotten  # noqa: PLC0415
        from server.usage.signals import sessions_made  # noqa: PLC0415

        rows.register(*KINDS)
        member_forgotten.connect(keeping.forget)
        sections.register("member_side", Section("billing/of_member.html", lambda _who, _site: {}))
        sessions_made.connect(charges.sessions_made)
