"""Django's word for this app."""

from django.apps import AppConfig


class Own(AppConfig):
    """What members see of themselves, and of the workshop."""

    name = "server.own"
