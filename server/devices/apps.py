"""Django's word for this app."""

from django.apps import AppConfig


class Devices(AppConfig):
    """Controllers: how they are taken in, what they are told, how they are."""

    name = "server.devices"

    def ready(self) -> None:
        """Join what other apps have room for; Django's models are there by now."""
        from server.core import panels  # noqa: PLC0415
        from server.core.panels import Panel  # noqa: PLC0415
        from server.devices import proposals  # noqa: PLC0415
        from server.devices.views.proposals import panel  # noqa: PLC0415
        from server.people.signals import member_forgotten  # noqa: PLC0415

        panels.register("import", Panel("devices/proposals.html", panel))
        member_forgotten.connect(proposals.forget)
