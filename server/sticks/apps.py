"""Django's word for this app."""

from django.apps import AppConfig


class Sticks(AppConfig):
    """What controllers without a line send and are sent on a stick."""

    name = "server.sticks"
