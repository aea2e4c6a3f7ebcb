"""Django's word for this app."""

from django.apps import AppConfig


class Imports(AppConfig):
    """Sheets of members on their way in."""

    name = "server.imports"

    def ready(self) -> None:
        """Join what other apps have room for; Django's models are there by now."""
        from server.edits.signals import taken_back  # noqa: PLC0415
        from server.imports import filling  # noqa: PLC0415
        from server.imports.drafts import forget  # noqa: PLC0415
        from server.people.signals import member_forgotten  # noqa: PLC0415

        member_forgotten.connect(forget)
        member_forgotten.connect(filling.forget)
        taken_back["imported"] = filling.undo
