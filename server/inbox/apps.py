"""Django's word for this app."""

from django.apps import AppConfig


class Inbox(AppConfig):
    """What a person should look at."""

    name = "server.inbox"
