"""Django's word for this app."""

from django.apps import AppConfig


class Operations(AppConfig):
    """What whoever keeps the server needs: setup, backups, retention."""

    name = "server.operations"
