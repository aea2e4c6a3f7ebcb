"""Django's word for this app."""

from django.apps import AppConfig


class Core(AppConfig):
    """What every app of the server stands on: settings, keys, rendering, what it holds of itself."""

    name = "server.core"
