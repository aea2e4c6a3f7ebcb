"""Django's word for this app."""

from django.apps import AppConfig


class Edits(AppConfig):
    """Every edit of the whitelist: rows, history, version, undo."""

    name = "server.edits"
