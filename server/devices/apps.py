"""Django's word for this app."""

from django.apps import AppConfig


class Devices(AppConfig):
    """Controllers: how they are taken in, what they are told, how they are."""

    name = "server.devices"

    def ready(self) -> None:
        """Join what other apps have room for; Django's models are there by now."""
        from server.core import sections  # noqa: PLC0415
        from server.core.sections import Section  # noqa: PLC0415
        from server.devices import names, proposals, rehashing  # noqa: PLC0415
        from server.devices.views.proposals import section  # noqa: PLC0415
        from server.edits.signals import rows_changed  # noqa: PLC0415
        from server.people.signals import member_forgotten  # noqa: PLC0415

        sections.register("import", Section("devices/proposals.html", section))
        member_forgotten.connect(proposals.forget)
        member_forgotten.connect(names.forget)
        rows_changed.connect(rehashing.hold_of_whoever_rises)
